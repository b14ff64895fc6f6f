"""Cityscapes: its data set and encodings."""
