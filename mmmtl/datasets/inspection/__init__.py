"""From a folder of images and labels to a config that trains on it.

``files.py`` finds the patterns, ``splits.py`` what is for training;
``labels.py`` asks each task's kind what stored values can mean
(:meth:`mmmtl.tasks.Kind.encodings`); ``inspect.py`` puts this together, and
``question.py`` is what stays open; ``config_text.py`` writes the config.
:func:`new_config` does all of it.

Convention:
    A reading is taken without a question only where no other is possible.
"""

from mmmtl.datasets.inspection.inspect import Finding, inspect_folder
from mmmtl.datasets.inspection.labels import LabelFinding
from mmmtl.datasets.inspection.new_config import new_config, read_tasks
from mmmtl.datasets.inspection.question import (
    Answers,
    OpenQuestionsError,
    Question,
)

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
