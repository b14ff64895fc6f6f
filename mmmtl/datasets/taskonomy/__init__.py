"""Taskonomy, and Replica and CocoDoom in its layout.

``dataset.py`` has the data sets, ``encodings.py`` how labels are stored (read
and written), ``layout.py`` where the files of a view lie, ``classes.py``
names and colours. ``view_lists.py`` lists the views of a download;
``cocodoom_conversion.py`` builds the layout from CocoDoom's archive;
``room_layout.py`` writes rendered rooms like it.
"""
