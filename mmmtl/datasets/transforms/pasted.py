"""Geometric transforms of other libraries, in a pipeline of ours.

They move the picture and the label maps they know, and leave ours where they
are: a model would learn, or be measured on, labels of other places. Colour
transforms of any library are welcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mmcv.transforms import RandomChoice

from mmmtl.datasets.transforms.loading import LoadMultiTaskAnnotations

_LIBRARIES = ('mmcv', 'mmseg', 'mmpretrain', 'torchvision')
_FLIP, _CROP = 'MultiTaskRandomFlip', 'MultiTaskRandomCrop'
_RESIZE, _SCALE = 'MultiTaskResize', 'MultiTaskRandomScale'
_ROTATE = 'MultiTaskRandomRotate'

# Testing undoes them in predictions, where the labels are loaded afterwards.
_UNDONE = {
    'RandomChoiceResize': _SCALE,
    'RandomFlip': _FLIP,
    'RandomResize': _SCALE,
    'Resize': _RESIZE,
    'ResizeEdge': _RESIZE,
    'ResizeShortestEdge': _RESIZE,
    'ResizeToMultiple': _RESIZE,
}
# Nothing undoes these. An empty name: we have nothing of the kind.
_LASTING = {
    'Albu': '',
    'Albumentations': '',
    'AugMix': '',
    'AutoAugment': '',
    'CenterCrop': 'MultiTaskFixedCrop',
    'Cutout': '',
    'EfficientNetCenterCrop': 'MultiTaskFixedCrop',
    'EfficientNetRandomCrop': _CROP,
    'ElasticTransform': '',
    'Pad': 'MultiTaskCenteredPad',
    'RandAugment': '',
    'RandomAffine': '',
    'RandomCrop': _CROP,
    'RandomCutOut': '',
    'RandomDepthMix': '',
    'RandomErasing': '',
    'RandomHorizontalFlip': _FLIP,
    'RandomMosaic': '',
    'RandomPerspective': '',
    'RandomResizedCrop': f'{_SCALE} and {_CROP}',
    'RandomRotFlip': f'{_ROTATE} and {_FLIP}',
    'RandomRotate': _ROTATE,
    'RandomRotation': _ROTATE,
    'RandomTranslatePad': '',
    'RandomVerticalFlip': '',
    'Rotate': _ROTATE,
    'Shear': '',
    'Translate': '',
    'TrivialAugmentWide': '',
}


def refuse_pasted(
    steps: Iterable[Callable], *, has_labels: bool = False
) -> bool:
    """Refuse transforms that would part the picture from our labels.

    Args:
        steps: Built transforms, in order; those inside of others count.
        has_labels: Whether the labels are loaded before them.

    Returns:
        Whether the labels are loaded after them.

    Raises:
        ValueError: Names the transform, and ours to use.
    """
    for step in steps:
        name, library = type(step).__name__, type(step).__module__
        if library.partition('.')[0] in _LIBRARIES and (
            name in _LASTING or (name in _UNDONE and has_labels)
        ):
            ours = (_UNDONE | _LASTING)[name]
            raise ValueError(
                f'{name} of {library.partition(".")[0]} changes the picture '
                'and not the labels of all tasks: '
                + (f'use {ours}' if ours else 'take it out')
            )
        branches = [refuse_pasted(b, has_labels=has_labels) for b in _in(step)]
        has_labels = (
            has_labels
            or any(branches)
            or isinstance(step, LoadMultiTaskAnnotations)
        )
    return has_labels


def _in(step: Callable) -> list[Iterable[Callable]]:
    """Return the pipelines inside of a transform, of which one is run."""
    if hasattr(step, 'subroutines'):  # of test-time augmentation
        return list(step.subroutines)
    # mmpretrain's, around one of torchvision.
    if type(step).__name__ == 'TorchVisonTransformWrapper':
        return [[vars(step)['t']]]
    inside = getattr(step, 'transforms', None)
    if inside is None:
        return []
    return list(inside) if isinstance(step, RandomChoice) else [inside]
