"""Opens every file of a data folder and says what is wrong with it.

``verify.py`` goes through splits and makes the report, ``sample_checks.py``
judges the files of one sample, ``plausibility.py`` has the pure numbers,
``known_sets.py`` the data sets that can be verified by name.
"""
