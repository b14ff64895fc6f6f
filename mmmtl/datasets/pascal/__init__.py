"""PASCAL-Context.

``dataset.py`` has the data set, ``encodings.py`` where and how its labels are
stored, ``classes.py`` names, colours and the ids of VOC, PASCAL-Context and
PASCAL-Part. ``conversion.py`` builds the folder from the official downloads;
``room_layout.py`` writes rendered rooms like it.
"""
