"""What a test pipeline does to a picture, as layers of the exported file.

A pipeline consists of anybody's transforms, written for arrays. So it is
measured and not translated: a random picture goes through it, the crop, the
padding and the mirror are read from the sample, and a resize is found by
trying. What comes out is compared with the pipeline's own result, pixel by
pixel. A pipeline that treats pictures of different sizes differently is
measured at one size, and the file takes pictures of that size only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.apis.pictures import Picture, PicturePipeline
from mmmtl.deploy.plain_layers import MOST, STEP
from mmmtl.errors import UserError
from mmmtl.models.data_preprocessor import MultiTaskDataPreprocessor

Size = tuple[int, int]

# The likeliest first; all are products of the picture with two matrices.
_INTERPOLATIONS = {
    'linear': cv2.INTER_LINEAR,
    'area': cv2.INTER_AREA,
    'cubic': cv2.INTER_CUBIC,
    'nearest': cv2.INTER_NEAREST,
    'lanczos': cv2.INTER_LANCZOS4,
}
# OpenCV computes in whole numbers; a value may be rounded the other way.
_ROUNDING = 1
_LARGEST = MOST * STEP  # side of what a file takes
# A pipeline that leaves pictures of all these sizes alone leaves all alone.
_TRIAL_SIZES = (
    *((31, 53), (96, 128), (450, 330), (1100, 1300)),
    (_LARGEST, _LARGEST),
)


class PictureSteps(nn.Module):
    """From a picture to the network's input: crop, resize, norm, padding."""

    def __init__(
        self,
        preprocessor: MultiTaskDataPreprocessor,
        *,
        metainfo: Mapping[str, Any],
        resize: tuple[Tensor, Tensor] | None,
    ) -> None:
        """Store the steps.

        Args:
            preprocessor: Normalises, and says what a side is divisible by.
            metainfo: ``crop_box``, ``padding_size``, ``zoom`` and whatever
                else a sample of the pipeline says about what was done to it.
            resize: Matrices ``(H', H)`` and ``(W, W')`` around the picture;
                None if it keeps its size.
        """
        super().__init__()
        self.preprocessor = preprocessor
        self.metainfo = dict(metainfo)
        self.resizes = resize is not None
        if resize is not None:
            self.register_buffer('rows', resize[0])
            self.register_buffer('columns', resize[1])

    def forward(self, image: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """Take the steps.

        Args:
            image: ``(B, H, W, 3)`` uint8 RGB.

        Returns:
            ``(B, 3, H', W')`` for the network, and the metainfo by which
            :func:`mmmtl.models.postprocess.undo_augmentation` goes back.
        """
        pixels = self.pixels(image)
        left, right, top, bottom = self.metainfo.get('padding_size', (0,) * 4)
        step = self.preprocessor.size_divisor
        if step > 1:
            bottom = bottom + -(pixels.shape[-2] + top + bottom) % step
            right = right + -(pixels.shape[-1] + left + right) % step
        inputs = self.preprocessor.normalize(pixels)
        if (left, right, top, bottom) != (0, 0, 0, 0):
            inputs = F.pad(inputs, (left, right, top, bottom))
        return inputs, self.metainfo | dict(
            ori_shape=tuple(image.shape[1:3]),
            padding_size=(left, right, top, bottom),
        )

    def pixels(self, image: Tensor) -> Tensor:
        """Return BGR grey levels ``(B, 3, h, w)``, cropped and resized."""
        # The loader's order; a preprocessor may turn it once more.
        pixels = image.permute(0, 3, 1, 2).flip(1)
        box = self.metainfo.get('crop_box')
        if box is not None:
            pixels = pixels[..., box[1] : box[3], box[0] : box[2]]
        if not self.resizes:
            return pixels
        resized = self.rows @ pixels.float() @ self.columns
        return resized.round().clamp(0, 255)

    @property
    def leaves_pictures_alone(self) -> bool:
        """Whether pixels and size stay as they are, but for the norm."""
        done = ('crop_box', 'padding_size', 'flip')
        return not self.resizes and not any(
            np.any(self.metainfo.get(key) or 0) for key in done
        )


def treats_all_alike(
    pipeline: PicturePipeline, preprocessor: MultiTaskDataPreprocessor
) -> bool:
    """Tell whether a pipeline leaves pictures of every size as they are."""
    return all(
        measure_steps(pipeline, preprocessor, size).leaves_pictures_alone
        for size in _TRIAL_SIZES
    )


def measure_steps(
    pipeline: PicturePipeline,
    preprocessor: MultiTaskDataPreprocessor,
    size: Size,
) -> PictureSteps:
    """Find out what a pipeline does to pictures.

    Args:
        pipeline: The test pipeline.
        preprocessor: The model's.
        size: Height and width of the pictures.

    Raises:
        UserError: If it does something else than crop, resize and pad.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    packed = pipeline(Picture('noise', array=noise))
    metainfo = {
        key: value
        for key, value in packed['data_samples'].metainfo.items()
        if key in ('crop_box', 'padding_size', 'zoom', 'flip')
    }
    wanted = packed['inputs'][None].float()  # BGR, padded
    left, right, top, bottom = metainfo.get('padding_size', (0,) * 4)
    height, width = wanted.shape[-2] - bottom, wanted.shape[-1] - right
    wanted = wanted[..., top:height, left:width]
    image = torch.from_numpy(noise[None, ..., ::-1].copy())
    for resize in _candidates(size, tuple(wanted.shape[-2:]), metainfo):
        steps = PictureSteps(preprocessor, metainfo=metainfo, resize=resize)
        difference = (steps.pixels(image).float() - wanted).abs().max()
        if difference <= _ROUNDING:
            return steps
    raise UserError(
        f'the test pipeline does more to a picture of {size[0]}x{size[1]} '
        '(height x width) than to crop, resize and pad it, and a file can '
        'do no more: take the other transforms out'
    )


def _candidates(
    size: Size, wanted: Size, metainfo: Mapping[str, Any]
) -> list[tuple[Tensor, Tensor] | None]:
    left, top, right, bottom = metainfo.get('crop_box') or (0, 0, *size[::-1])
    height, width = bottom - top, right - left
    if (height, width) == wanted:
        return [None]
    return [
        (
            _resizing(height, wanted[0], flag),
            _resizing(width, wanted[1], flag).T.contiguous(),
        )
        for flag in _INTERPOLATIONS.values()
    ]


def _resizing(length: int, wanted: int, flag: int) -> Tensor:
    """Return the ``(wanted, length)`` matrix of OpenCV's resize.

    A resize is linear in the picture, so what it makes of the columns of an
    identity are the columns of its matrix.
    """
    identity = np.eye(length, dtype=np.float32)
    return torch.from_numpy(
        cv2.resize(identity, (length, wanted), interpolation=flag)
    )
