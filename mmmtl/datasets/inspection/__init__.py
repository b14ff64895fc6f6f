"""From a folder of images and labels to a config that trains on it.

``files.py`` finds the patterns, ``splits.py`` what is for training;
``inspect.py`` asks each task's kind what stored values can mean
(:meth:`mmmtl.tasks.Kind.encodings`); ``question.py`` is what stays open;
``config_text.py`` writes the config. :func:`new_config` does all of it.

Convention:
    A reading is taken without a question only where no other is possible.
"""

from mmmtl.datasets.inspection.inspect import (
    Answers,
    Finding,
    LabelFinding,
    inspect_folder,
)
from mmmtl.datasets.inspection.new_config import new_config, read_tasks
from mmmtl.datasets.inspection.question import OpenQuestionsError, Question

__all__ = [
    'Answers',
    'Finding',
    'LabelFinding',
    'OpenQuestionsError',
    'Question',
    'inspect_folder',
    'new_config',
    'read_tasks',
]
