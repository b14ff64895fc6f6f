from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mmmtl.models.segmentors.inference_modes import (
    check_test_cfg,
    slide_windows,
)


class Recorder:
    """Answers with the number of the window, and remembers the windows."""

    def __init__(self) -> None:
        self.windows: list[Tensor] = []

    def __call__(self, window: Tensor) -> dict[str, Tensor]:
        self.windows.append(window)
        number = float(len(self.windows))
        return {'edge': torch.full_like(window[:, :1], number)}


def position_image(height: int, width: int) -> Tensor:
    """Channel 0 holds the row, 1 the column of a pixel."""
    rows = torch.arange(float(height))[:, None].expand(height, width)
    columns = torch.arange(float(width)).expand(height, width)
    return torch.stack([rows, columns, rows * 0])[None]


def test_one_window_is_the_whole() -> None:
    run = Recorder()
    image = torch.randn(2, 3, 5, 7)
    out = slide_windows(run, image, (5, 7), (2, 2))
    assert len(run.windows) == 1
    assert torch.equal(run.windows[0], image)
    assert torch.equal(out['edge'], torch.ones(2, 1, 5, 7))


def test_an_image_smaller_than_the_window_is_one_window() -> None:
    run = Recorder()
    out = slide_windows(run, torch.zeros(1, 3, 4, 5), (8, 8), (4, 4))
    assert [tuple(w.shape) for w in run.windows] == [(1, 3, 4, 5)]
    assert out['edge'].shape == (1, 1, 4, 5)


def test_average_by_hand() -> None:
    """Columns 0-3, 3-6 and, moved back to the border, 4-7.

    The windows answer 1, 2, 3: column 3 is seen by 1 and 2 (1.5), 4 to 6 by
    2 and 3 (2.5), the others by one.
    """
    run = Recorder()
    out = slide_windows(run, position_image(2, 8), (2, 4), (2, 3))
    starts = [int(window[0, 1, 0, 0]) for window in run.windows]
    assert starts == [0, 3, 4]
    want = [1, 1, 1, 1.5, 2.5, 2.5, 2.5, 3]
    assert out['edge'][0, 0].tolist() == [want, want]


@pytest.mark.parametrize('size', [(7, 11), (8, 8), (5, 13), (6, 6)])
def test_windows_cover_the_image_inside_its_border(
    size: tuple[int, int],
) -> None:
    run = Recorder()
    slide_windows(run, position_image(*size), (5, 6), (3, 2))
    corners = set()
    seen = torch.zeros(size)
    for window in run.windows:
        assert window.shape[-2:] == (5, 6)
        top, left = (int(n) for n in window[0, :2, 0, 0])
        corners.add((top, left))
        seen[top : top + 5, left : left + 6] += 1
    assert seen.min() >= 1
    assert len(corners) == len(run.windows)  # none twice
    assert max(corners) == (size[0] - 5, size[1] - 6)


def test_a_function_of_single_pixels_is_unchanged() -> None:
    image = torch.randn(2, 3, 9, 10)
    out = slide_windows(lambda x: {'edge': x * 2}, image, (4, 5), (3, 2))
    assert torch.allclose(out['edge'], image * 2, atol=1e-6)


def test_whole_is_the_default() -> None:
    default = dict(mode='whole', class_resize='bilinear')
    assert check_test_cfg(None) == check_test_cfg({}) == default
    slide = dict(mode='slide', crop_size=(4, 4), stride=[2, 2])
    assert check_test_cfg(slide) == slide | dict(class_resize='bilinear')


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(mode='window'), "mode='window': give one of .'whole', 'slide'"),
        (dict(mod='whole'), "did you mean 'mode'"),
        (dict(class_resize='cubic'), "class_resize='cubic': give one of"),
        (
            dict(mode='slide', crop_size=(4, 4), stride=(2, 5)),
            r'stride=\(2, 5\) leaves gaps',
        ),
    ],
)
def test_refused_at_construction(cfg: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_test_cfg(cfg)
