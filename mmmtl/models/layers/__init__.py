"""Blocks that heads and necks share; import each from its module."""
