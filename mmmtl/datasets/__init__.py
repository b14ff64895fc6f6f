"""Data sets: where the labels lie, how they are encoded, how they vary."""

from mmmtl.datasets import transforms
from mmmtl.datasets.base_multi_task_dataset import BaseMultiTaskDataset
from mmmtl.datasets.cityscapes_mt import CityscapesMTDataset
from mmmtl.datasets.coco_doom import CocoDoomDataset
from mmmtl.datasets.errors import DatasetError
from mmmtl.datasets.label_file import LabelFile, load_label
from mmmtl.datasets.nyud import NYUDv2Dataset
from mmmtl.datasets.nyud_mt import NYUDMTDataset
from mmmtl.datasets.pascal_context import PascalContextMTDataset
from mmmtl.datasets.replica import ReplicaDataset
from mmmtl.datasets.taskonomy import TaskonomyDataset

__all__ = [
    'BaseMultiTaskDataset',
    'CityscapesMTDataset',
    'CocoDoomDataset',
    'DatasetError',
    'LabelFile',
    'NYUDMTDataset',
    'NYUDv2Dataset',
    'PascalContextMTDataset',
    'ReplicaDataset',
    'TaskonomyDataset',
    'load_label',
    'transforms',
]
