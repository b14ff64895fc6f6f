"""Files and processes, for all of the package.

``arrays.py`` reads ``.npy``, pictures and ``.mat``; ``json_file.py`` writes
JSON; ``id_lists.py`` has lists of ids; ``folders.py`` makes files and
folders that appear when they are complete, and locks; ``workers.py`` has the
pools of processes and the progress bar; ``video.py`` reads and writes video;
``ply.py`` writes point clouds.
"""
