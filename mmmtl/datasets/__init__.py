"""Data sets: where the labels lie, how they are encoded, how they vary."""

from mmmtl.datasets import transforms
from mmmtl.datasets.base_multi_task_dataset import BaseMultiTaskDataset
from mmmtl.datasets.errors import DatasetError
from mmmtl.datasets.label_file import LabelFile, load_label
from mmmtl.datasets.nyud import NYUDv2Dataset

__all__ = [
    'BaseMultiTaskDataset',
    'DatasetError',
    'LabelFile',
    'NYUDv2Dataset',
    'load_label',
    'transforms',
]
