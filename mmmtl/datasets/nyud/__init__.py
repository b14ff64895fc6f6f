"""NYU Depth v2.

``dataset.py`` has the data sets, ``encodings.py`` how labels are stored (read
and written), ``classes.py`` names and colours. ``conversion.py`` builds the
layouts from the official labelled set; ``room_layout.py`` writes rendered
rooms in the layout of pictures.
"""
