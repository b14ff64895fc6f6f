"""Steadies the predictions of a video, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.apis.soft_maps import predict_soft
from mmmtl.geometry.optical_flow import move_along, optical_flow
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task

#: How much the past counts where nothing changed; docs/video.md has the
#: measurements it was chosen by.
STRENGTH = 0.7

# Pixels. Pictures are reduced to this longer side before their motion is
# estimated: it costs about as much as a small model at 512.
_FLOW_SIDE = 512
# Grey levels, after smoothing: a difference of this size between the picture
# and the moved one before takes the past's share to 1 / e.
_TOLERANCE = 20.0
# Pixels over which that difference is smoothed, so that the noise of single
# pixels does not count.
_WINDOW = 5
# A frame of which less than this share has a past is the first after a cut.
_CUT = 0.35


@dataclass(frozen=True)
class _Past:
    """All that is kept of earlier frames."""

    grey: np.ndarray
    soft: dict[str, Tensor]


class Stabiliser:
    """Blends each frame's predictions with those of the past.

    The maps of the frame before are moved along the optical flow and count
    where the flow is consistent and the two pictures agree; elsewhere, and
    after a cut, the frame counts alone. No later frame is looked at, and of
    all earlier ones a single set of maps is kept.

    Examples:
        >>> stabiliser = Stabiliser()
        >>> for image, soft in frames:
        ...     steady = stabiliser(image, soft)
    """

    def __init__(self, strength: float = STRENGTH) -> None:
        """Start before the first frame.

        Args:
            strength: From 0, which changes nothing, to below 1: the share of
                the past where nothing changed. ``0.7`` averages about three
                frames, ``0.9`` ten.

        Raises:
            ValueError: If it is outside of that range.
        """
        if not 0 <= strength < 1:
            raise ValueError(
                f'strength={strength}: give 0 (off) or more, below 1'
            )
        self.strength = strength
        self._past: _Past | None = None

    def reset(self) -> None:
        """Forget the past, as before the first frame of another video."""
        self._past = None

    def __call__(
        self, image: np.ndarray, soft: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Steady the predictions of the next frame.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, the frame.
            soft: ``{task: (K or C, H, W)}`` as
                :meth:`MultiTaskSegmentor.predict_soft` gives them.

        Returns:
            The same maps, steadied; a kind's ``finalize`` makes predictions
            of them.
        """
        steady = dict(soft)
        if not self.strength:
            return steady
        grey = _grey(image)
        past = self._past
        if past is not None and _fits(past, grey, steady):
            flow, trust = _trust(grey, past.grey)
            if (trust > 0.5).mean() >= _CUT:
                steady = self._blend(steady, past.soft, flow, trust)
        self._past = _Past(grey, steady)
        return steady

    def _blend(
        self,
        soft: dict[str, Tensor],
        past: dict[str, Tensor],
        flow: np.ndarray,
        trust: np.ndarray,
    ) -> dict[str, Tensor]:
        maps = torch.cat([past[task].float() for task in soft])
        size = tuple(maps.shape[-2:])
        share = self.strength * _resize(torch.from_numpy(trust)[None], size)
        share = share[0].to(maps.device)
        moved = F.grid_sample(
            maps[None],
            _places(flow, size).to(maps.device),
            padding_mode='border',
            align_corners=False,
        )[0].split([len(values) for values in soft.values()])
        return {
            task: _mix(task, values, before.to(values), share)
            for (task, values), before in zip(soft.items(), moved, strict=True)
        }


def predict_steady(
    model: nn.Module,
    item: Mapping[str, Any],
    stabiliser: Stabiliser,
    tasks: Sequence[str] | None = None,
) -> MultiTaskDataSample:
    """Predict the next frame of a video.

    Args:
        model: A :class:`MultiTaskSegmentor`.
        item: The frame as :class:`mmmtl.apis.pictures.PicturePipeline`
            gives it: ``inputs``, ``data_samples``, ``image``.
        stabiliser: That of this video.
        tasks: Tasks to steady and to return, all if None.

    Returns:
        The frame's data sample, with predictions, on the model's device.
    """
    [(sample, soft)] = predict_soft(model, [item])
    if tasks is not None:
        soft = {task: soft[task] for task in tasks}
    for task, values in stabiliser(item['image'], soft).items():
        sample.set_pred(task, get_task(task).kind.finalize(values))
    return sample


def _grey(image: np.ndarray) -> np.ndarray:
    """Return a grey picture, reduced to where motion is estimated."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    factor = _FLOW_SIDE / max(grey.shape)
    if factor >= 1:
        return grey
    height, width = (max(1, round(side * factor)) for side in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)


def _fits(past: _Past, grey: np.ndarray, soft: Mapping[str, Tensor]) -> bool:
    """Say whether the past is of a video of the same size and tasks."""
    return past.grey.shape == grey.shape and (
        {task: values.shape for task, values in past.soft.items()}
        == {task: values.shape for task, values in soft.items()}
    )


def _trust(
    grey: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the flow to the picture before, and how far to trust it.

    Returns:
        ``(H, W, 2)`` columns and rows; ``(H, W)`` float32 in 0..1.
    """
    flow, seen = optical_flow(grey, before)
    moved = move_along(before.astype(np.float32), flow)
    # Around what was not seen before, the flow is doubtful as well.
    error = np.where(seen, abs(moved - grey), np.float32(255))
    error = cv2.blur(error, (_WINDOW, _WINDOW))
    return flow, np.exp(-((error / _TOLERANCE) ** 2)) * seen


def _mix(task: str, now: Tensor, before: Tensor, share: Tensor) -> Tensor:
    """Blend a task's maps; a past that is not finite does not count."""
    share = share * before.isfinite().all(0)
    return get_task(task).kind.blend(now, before, share)


def _places(flow: np.ndarray, size: tuple[int, ...]) -> Tensor:
    """Return where ``grid_sample`` reads maps of a size: ``(1, H, W, 2)``.

    It counts half the picture's side as 1, from the middle.
    """
    height, width = flow.shape[:2]
    halves = torch.tensor([width / 2, height / 2])
    shares = (torch.from_numpy(flow) / halves).permute(2, 0, 1)
    shares = _resize(shares, size).permute(1, 2, 0)
    y, x = (
        (2 * torch.arange(side, dtype=torch.float32) + 1) / side - 1
        for side in size
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)
    return (grid + shares)[None]


def _resize(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps[None], size, mode='bilinear')[0]
