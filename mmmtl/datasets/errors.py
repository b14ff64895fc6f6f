"""The error for everything that is wrong with the files of a data set."""

from __future__ import annotations


class DatasetError(ValueError):
    """A folder, file or value of a data set is not as it must be.

    The text is one line that names the file and the fix. One line, and one
    argument, because PyTorch rebuilds an error of a loader process from its
    class and a text that ends with this message.
    """
