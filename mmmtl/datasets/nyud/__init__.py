"""NYU Depth v2: its data sets, encodings and conversion."""
