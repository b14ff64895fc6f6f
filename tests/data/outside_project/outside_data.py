"""A data set of one's own: any task of the table, one array per label."""

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.label_file import LabelFile
from mmmtl.registry import DATASETS
from mmmtl.tasks import TASKS


@DATASETS.register_module()
class ArraysDataset(BaseMultiTaskDataset):
    METAINFO = dict(
        classes=('grass', 'stone', 'water'),
        palette=((0, 160, 0), (128, 128, 128), (0, 0, 255)),
    )
    HINT = 'write rgb/<id>.png, labels/<task>/<id>.npy and <split>.txt'

    def image_pattern(self) -> str:
        return 'rgb/{}.png'

    def label_table(self) -> dict[str, LabelFile]:
        return {
            name: LabelFile(f'labels/{name}/{{}}.npy', task.kind.read)
            for name, task in TASKS.items()
        }

    def split_file(self, split: str) -> str:
        return f'{split}.txt'
