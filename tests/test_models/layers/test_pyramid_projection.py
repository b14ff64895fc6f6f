from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.models.layers.pyramid_projection import PyramidProjection
from mmmtl.models.layers.resize import resize_bilinear
from tests.reference.layers import joined, to_map, to_tokens

CHANNELS = (3, 5, 7, 2)
# Odd sizes, as 425x560 gives them: 107x140, 54x70, 27x35, 14x18.
SIZES = ((13, 17), (7, 9), (4, 5), (2, 3))


def pyramid() -> list[Tensor]:
    return [
        torch.randn(2, c, *size, requires_grad=True)
        for c, size in zip(CHANNELS, SIZES, strict=True)
    ]


def concatenated(projection: PyramidProjection, maps: list[Tensor]) -> Tensor:
    """The published form: resize, concatenate, Linear."""
    return to_map(projection.linear(to_tokens(joined(maps))), SIZES[0])


def test_equals_resize_concatenate_linear_with_gradients() -> None:
    maps = pyramid()
    projection = PyramidProjection(CHANNELS, out_channels=6)
    wanted = [*maps, *projection.parameters()]
    weight = torch.randn(2, 6, *SIZES[0])
    results = []
    for out in (projection(maps), concatenated(projection, maps)):
        results.append(
            [out, *torch.autograd.grad((out * weight).sum(), wanted)]
        )
    for ours, reference in zip(*results, strict=True):
        assert torch.allclose(ours, reference, rtol=0, atol=1e-5 * 13 * 17)
    assert torch.allclose(results[0][0], results[1][0], rtol=0, atol=1e-5)


def test_one_level_is_a_1x1_convolution() -> None:
    level = torch.randn(2, 3, 4, 5)
    projection = PyramidProjection([3], out_channels=6)
    want = F.conv2d(
        level,
        projection.linear.weight[..., None, None],
        projection.linear.bias,
    )
    assert torch.allclose(projection([level]), want, atol=1e-6)


def test_weights_have_the_layout_of_one_linear() -> None:
    state = PyramidProjection(CHANNELS, out_channels=6).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes == {'linear.weight': (6, 17), 'linear.bias': (6,)}


def test_another_pyramid_does_not_pass() -> None:
    projection = PyramidProjection([3, 5], out_channels=6)
    wrong = [torch.zeros(1, 5, 4, 4), torch.zeros(1, 3, 2, 2)]
    for levels in (wrong, wrong[1:], [*wrong[::-1], wrong[0]]):
        with pytest.raises((ValueError, RuntimeError)):
            projection(levels)


def test_convention_resizing_takes_pixels_for_squares() -> None:
    """Doubling (0, 4) reads at -1/4, 1/4, 3/4, 5/4: 0, 1, 3, 4."""
    maps = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2)
    assert resize_bilinear(maps, (1, 4)).flatten().tolist() == [0, 1, 3, 4]
    assert resize_bilinear(maps, (1, 2)) is maps
