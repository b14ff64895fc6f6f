"""Cityscapes.

``dataset.py`` has the data set, ``encodings.py`` how labels are stored,
``classes.py`` names, colours and the ids behind them.
"""
