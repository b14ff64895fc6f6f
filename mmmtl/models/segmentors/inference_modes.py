"""How a network is run over an image: whole, or in sliding windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from torch import Tensor

from mmmtl.errors import did_you_mean
from mmmtl.models.argument_checks import check_choice
from mmmtl.models.decode_heads.base_multi_task_head import TaskMaps
from mmmtl.models.postprocess import ClassResize

Mode = Literal['whole', 'slide']
_KEYS = ('mode', 'crop_size', 'stride', 'class_resize')


def check_test_cfg(test_cfg: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read a segmentor's ``test_cfg``.

    Args:
        test_cfg: ``dict(mode='whole')`` or ``dict(mode='slide',
            crop_size=(h, w), stride=(dy, dx))``; None means whole. Both may
            have ``class_resize``.

    Returns:
        A plain dictionary with ``mode`` and ``class_resize``.

    Raises:
        ValueError: If a key or a value is unknown, or the stride leaves gaps
            between windows.
    """
    cfg = dict(mode='whole', class_resize='bilinear') | dict(test_cfg or {})
    for key in cfg:
        if key not in _KEYS:
            raise ValueError(
                f'test_cfg has no key {key!r}: {did_you_mean(key, _KEYS)}'
            )
    check_choice(Mode, mode=cfg['mode'])
    check_choice(ClassResize, class_resize=cfg['class_resize'])
    if cfg['mode'] == 'slide':
        steps = zip(cfg['stride'], cfg['crop_size'], strict=True)
        if any(step > window for step, window in steps):
            raise ValueError(
                f'test_cfg.stride={cfg["stride"]} leaves gaps between windows '
                f'of crop_size={cfg["crop_size"]}: make it smaller'
            )
    return cfg


def slide_windows(
    run: Callable[[Tensor], TaskMaps],
    inputs: Tensor,
    crop_size: tuple[int, int],
    stride: tuple[int, int],
) -> TaskMaps:
    """Average the logits of overlapping windows.

    Args:
        run: From (B, 3, h, w) to ``{task: (B, K, h, w)}``.
        inputs: ``(B, 3, H, W)``.
        crop_size: Height and width of a window; an image smaller than it is
            one window.
        stride: Step between windows; the last window of a row or column is
            moved back to end at the border.

    Returns:
        ``{task: (B, K, H, W)}``.
    """
    height, width = inputs.shape[-2:]
    rows = _starts(height, crop_size[0], stride[0])
    columns = _starts(width, crop_size[1], stride[1])
    total: TaskMaps = {}
    count = inputs.new_zeros(1, 1, height, width)
    for top in rows:
        for left in columns:
            here = (
                ...,
                slice(top, min(top + crop_size[0], height)),
                slice(left, min(left + crop_size[1], width)),
            )
            for task, logits in run(inputs[here]).items():
                if task not in total:
                    shape = (*logits.shape[:2], height, width)
                    total[task] = logits.new_zeros(shape)
                total[task][here] += logits
            count[here] += 1
    return {task: logits / count for task, logits in total.items()}


def _starts(length: int, window: int, step: int) -> list[int]:
    last = max(length - window, 0)
    starts = list(range(0, last, step))
    return [*starts, last]
