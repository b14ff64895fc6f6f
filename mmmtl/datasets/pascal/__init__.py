"""PASCAL-Context: its data set, encodings and conversion."""
