"""From a list of images and labels to one padded, normalised batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmmtl.registry import MODELS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS


@MODELS.register_module()
class MultiTaskDataPreprocessor(BaseDataPreprocessor):
    """Normalise images, pad images and labels to a common size, stack.

    Each label is padded with the ``no_label`` of its kind (mmseg's
    preprocessor would pad depth with 255 and leave unknown labels unpadded).

    Convention:
        Images are padded after normalisation with 0, the mean colour, at the
        right and at the bottom. An area already padded by the pipeline
        (``padding_size`` = left, right, top, bottom in the sample's
        metainfo) is set to exactly 0 as well: rounding the mean colour to
        uint8 would leave up to 0.009 there. In testing the labels stay as
        they are, at the original size, and ``padding_size`` says how to cut
        the padding off a prediction.
    """

    def __init__(
        self,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        bgr_to_rgb: bool = False,
        size_divisor: int = 1,
        non_blocking: bool = False,
    ) -> None:
        """Check and store the settings.

        Args:
            mean: Per channel mean in grey levels, in the network's channel
                order; None leaves the values as they are.
            std: Per channel standard deviation in grey levels.
            bgr_to_rgb: Swap the channels; mmcv loads images as BGR.
            size_divisor: Height and width of a batch become multiples of
                this.
            non_blocking: Copy to the device without waiting.

        Raises:
            ValueError: If only one of mean and std is given.
        """
        super().__init__(non_blocking=non_blocking)
        if (mean is None) != (std is None):
            raise ValueError(
                f'mean={mean} and std={std}: give both or neither'
            )
        self.bgr_to_rgb = bgr_to_rgb
        self.size_divisor = size_divisor
        self.normalizes = mean is not None
        if mean is not None and std is not None:
            for name, values in (('mean', mean), ('std', std)):
                column = torch.tensor(values, dtype=torch.float32)
                self.register_buffer(name, column.view(-1, 1, 1), False)

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Turn loaded data into the network's input.

        Args:
            data: ``inputs``, a list of (3, H, W) images in grey levels, and
                optionally ``data_samples``.
            training: Pad the labels too.

        Returns:
            ``inputs`` (B, 3, H, W) float and ``data_samples``.

        Raises:
            ValueError: If the labels do not fit the image in training, or
                its file in testing.
        """
        data = self.cast_data(data)
        samples = data.get('data_samples')
        images = [self.normalize(image) for image in data['inputs']]
        height, width = self._common_size(images)
        batch = []
        for index, image in enumerate(images):
            below = height - image.shape[1]
            beside = width - image.shape[2]
            if samples is not None:
                _check_labels(samples[index], training)
                image = _clear_padding(image, samples[index])
                _extend_padding_size(samples[index], beside, below)
                if training:
                    _pad_labels(samples[index], beside, below)
            batch.append(F.pad(image, (0, beside, 0, below)))
        return dict(inputs=torch.stack(batch), data_samples=samples)

    def normalize(self, image: Tensor) -> Tensor:
        """Return the network's values of a loaded image, ``(..., 3, H, W)``.

        Args:
            image: Grey levels in the loader's channel order.
        """
        if self.bgr_to_rgb:
            image = image.flip(-3)
        image = image.float()
        if self.normalizes:
            image = (image - self.mean) / self.std
        return image

    def _common_size(self, images: Sequence[Tensor]) -> tuple[int, ...]:
        step = self.size_divisor
        return tuple(
            -(-max(image.shape[axis] for image in images) // step) * step
            for axis in (1, 2)
        )


def _check_labels(sample: MultiTaskDataSample, training: bool) -> None:
    """Refuse labels that fit where the other of the two needs them."""
    frames = sample.metainfo.get('label_frames', ('image', 'original'))
    if training and 'image' not in frames:
        raise ValueError(
            'the training pipeline moves or resizes the image before the '
            'labels are loaded: put LoadMultiTaskAnnotations first'
        )
    if not training and 'original' not in frames:
        raise ValueError(
            'the pipeline of this evaluation moves or resizes the labels '
            'together with the image, and predictions are brought back to '
            'the image file: put LoadMultiTaskAnnotations after these '
            'transforms'
        )


def _clear_padding(image: Tensor, sample: MultiTaskDataSample) -> Tensor:
    left, right, top, bottom = sample.metainfo.get('padding_size', (0,) * 4)
    if not any((left, right, top, bottom)):
        return image
    height, width = image.shape[1:]
    inner = image[:, top : height - bottom, left : width - right]
    return F.pad(inner, (left, right, top, bottom))


def _extend_padding_size(
    sample: MultiTaskDataSample, beside: int, below: int
) -> None:
    left, right, top, bottom = sample.metainfo.get('padding_size', (0,) * 4)
    sample.set_metainfo(
        {'padding_size': (left, right + beside, top, bottom + below)}
    )


def _pad_labels(sample: MultiTaskDataSample, beside: int, below: int) -> None:
    if not beside and not below:
        return
    for name, task in TASKS.items():
        if not sample.has_gt(name):
            continue
        # The field is replaced whole: a PixelData refuses a new size.
        sample.set_gt(
            name,
            F.pad(
                sample.get_gt(name),
                (0, beside, 0, below),
                value=task.kind.no_label,
            ),
        )
