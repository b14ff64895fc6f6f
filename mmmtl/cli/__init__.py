"""The command ``mmmtl``: one file per command, each one typed function.

Nothing heavy is imported at the top of these files, so that ``--help``
answers at once; a command imports what it needs when it runs. The files in
``tools/`` share the code.
"""
