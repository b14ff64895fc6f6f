"""Reads the labels of the configured tasks."""

from __future__ import annotations

from mmcv.transforms import BaseTransform

from mmmtl.datasets.label_file import load_label
from mmmtl.datasets.transforms.labels import frame_of
from mmmtl.errors import DatasetError
from mmmtl.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadMultiTaskAnnotations(BaseTransform):
    """Read and decode one label file per task of the data set.

    Adds ``labels``: task -> ``(H, W)``, or ``(H, W, 3)`` for vectors, in the
    convention of its kind (:class:`mmmtl.tasks.Kind`); uint8 for class and
    binary maps, float32 otherwise. Labels have the size of the image file
    (``ori_shape``), also where the image was changed before. A task whose
    label the sample lacks (``allow_missing_labels``) is left out.
    ``labels_over`` says where the image lay over its file then
    (:func:`~mmmtl.datasets.transforms.labels.frame_of`).
    """

    def transform(self, results: dict) -> dict:
        """Add the labels.

        Args:
            results: A sample of a multi-task data set, its image loaded.

        Raises:
            DatasetError: If a label file cannot be used, or the sample names
                none.
        """
        if 'label_paths' not in results:
            raise DatasetError(
                'the sample has no label files: leave '
                'LoadMultiTaskAnnotations out of a pipeline for prediction'
            )
        results['labels_over'] = frame_of(results['img'].shape, results)
        results['labels'] = {
            task: load_label(
                task,
                results['label_paths'][task],
                results['label_files'][task],
                results['ori_shape'][:2],
                results['num_classes'].get(task),
            )
            for task in results['tasks']
            if task in results['label_paths']
        }
        return results
