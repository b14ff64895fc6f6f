"""Transforms of an image together with the labels of all its tasks.

Each is a pure function over arrays and a registered class around it. The
random ones draw in ``draw`` and act in ``apply``, so that recorded draws can
be replayed. What a label needs (interpolation, signs, zoom, padding) is read
from its kind (:class:`mmmtl.tasks.Kind`).
"""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.datasets.transforms.class_ids import (
    IgnoreEmptyHumanParts,
    ShiftClassIds,
)
from mmmtl.datasets.transforms.colour import (
    ColourDraw,
    MultiTaskChannelPermutation,
    MultiTaskColourJitter,
    MultiTaskPhotoMetricDistortion,
)
from mmmtl.datasets.transforms.crop import (
    IgnoreOutsideCrop,
    MultiTaskFixedCrop,
    MultiTaskRandomCrop,
)
from mmmtl.datasets.transforms.flip import MultiTaskRandomFlip
from mmmtl.datasets.transforms.formatting import PackMultiTaskInputs
from mmmtl.datasets.transforms.loading import LoadMultiTaskAnnotations
from mmmtl.datasets.transforms.pad import MultiTaskCenteredPad
from mmmtl.datasets.transforms.raw_depth import (
    LoadRawDepth,
    ScaleDepthToRaw,
)
from mmmtl.datasets.transforms.rotate import (
    MultiTaskRandomRotate,
    MultiTaskRandomScaleRotate,
)
from mmmtl.datasets.transforms.scale import (
    MultiTaskRandomScale,
    MultiTaskResize,
)

__all__ = [
    'ColourDraw',
    'IgnoreEmptyHumanParts',
    'IgnoreOutsideCrop',
    'LoadMultiTaskAnnotations',
    'LoadRawDepth',
    'MultiTaskCenteredPad',
    'MultiTaskChannelPermutation',
    'MultiTaskColourJitter',
    'MultiTaskFixedCrop',
    'MultiTaskPhotoMetricDistortion',
    'MultiTaskRandomCrop',
    'MultiTaskRandomFlip',
    'MultiTaskRandomRotate',
    'MultiTaskRandomScale',
    'MultiTaskRandomScaleRotate',
    'MultiTaskResize',
    'PackMultiTaskInputs',
    'ScaleDepthToRaw',
    'ShiftClassIds',
]
