"""Any folder of images and labels, described by a config alone.

``dataset.py`` has the data set, ``encodings.py`` what a config may say about
stored values, ``polygons.py`` masks that are stored as outlines,
``listing.py`` patterns of files and shares of samples.
"""
