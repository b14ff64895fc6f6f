"""Taskonomy and what shares its layout: Replica, CocoDoom."""
