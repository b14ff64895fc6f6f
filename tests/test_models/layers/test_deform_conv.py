"""DeformConv: the definition, agreement of the back ends, refusals."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mmmtl.models.layers import deform_backends
from mmmtl.models.layers.deform_conv import (
    DeformConv,
    choose_backend,
    deform_conv,
)

CPU = torch.device('cpu')
MISSING = {
    'mmcv': deform_backends.mmcv_problem(CPU),
    'torchvision': deform_backends.torchvision_problem(CPU),
}
BACKENDS = [
    pytest.param(
        name, marks=pytest.mark.skipif(problem is not None, reason=problem)
    )
    if (problem := MISSING.get(name)) is not None
    else name
    for name in ('torch', 'torchvision', 'mmcv')
]
# kernel, stride, padding, dilation, groups, offset groups
CASES = {
    'demt': ((1, 1), 1, 0, 1, 1, 8),
    'dcn': ((3, 3), 1, 1, 1, 1, 1),
    'strided': ((3, 3), 2, 1, 1, 1, 2),
    'dilated': ((3, 3), 1, 2, 2, 2, 4),
    'depthwise': ((3, 3), 1, 1, 1, 8, 8),
    'uneven': ((1, 3), (2, 1), (0, 1), (1, 2), 4, 2),
    'pointwise-padded': ((1, 1), 2, 1, 1, 2, 2),
}
SPREADS = {'near': 2.0, 'far': 300.0}  # pixels, on a map of 7 x 9


def make_case(
    name: str, *, spread: float = 2.0, size: tuple[int, int] = (7, 9)
) -> tuple[DeformConv, Tensor, Tensor]:
    """Return a layer, an input (3, 8, H, W) and offsets of a case."""
    kernel, stride, padding, dilation, groups, offset_groups = CASES[name]
    torch.manual_seed(0)
    layer = DeformConv(
        8,
        out_channels=16,
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        offset_groups=offset_groups,
    )
    x = torch.randn(3, 8, *size)
    plain = F.conv2d(x, layer.weight, None, stride, padding, dilation, groups)
    offset = torch.randn(3, layer.offset_channels, *plain.shape[2:]) * spread
    return layer, x, keep_off_integers(offset)


def keep_off_integers(offset: Tensor) -> Tensor:
    """Move offsets away from whole pixels, where the gradient jumps.

    Bilinear reading has a kink at every pixel: on which side of it a
    position falls is then a matter of the last bit.
    """
    fraction = (offset - offset.floor()).clamp(0.01, 0.99)
    return offset.floor() + fraction


def loop_reference(layer: DeformConv, x: Tensor, offset: Tensor) -> Tensor:
    """Compute the definition one tap at a time, in Python floats."""
    (kh, kw), groups = layer.kernel_size, layer.groups
    batch, channels, height, width = x.shape
    cout, h, w = len(layer.weight), *offset.shape[2:]
    per_offset = channels // layer.offset_groups
    x, offset = x.tolist(), offset.tolist()
    weight, bias = layer.weight.tolist(), layer.bias.tolist()

    def read(plane: list[list[float]], y: float, xx: float) -> float:
        total = 0.0
        for row, column in itertools.product(
            (math.floor(y), math.floor(y) + 1),
            (math.floor(xx), math.floor(xx) + 1),
        ):
            if 0 <= row < height and 0 <= column < width:
                near = (1 - abs(y - row)) * (1 - abs(xx - column))
                total += near * plane[row][column]
        return total

    out = torch.empty(batch, cout, h, w, dtype=torch.float64)
    for b, o, i, j in itertools.product(
        range(batch), range(cout), range(h), range(w)
    ):
        total = bias[o]
        for c, (ki, kj) in itertools.product(
            range(channels // groups), itertools.product(range(kh), range(kw))
        ):
            source = o // (cout // groups) * (channels // groups) + c
            k = 2 * (source // per_offset * kh * kw + ki * kw + kj)
            y = i * layer.stride[0] - layer.padding[0]
            y += ki * layer.dilation[0] + offset[b][k][i][j]
            xx = j * layer.stride[1] - layer.padding[1]
            xx += kj * layer.dilation[1] + offset[b][k + 1][i][j]
            total += weight[o][c][ki][kj] * read(x[b][source], y, xx)
        out[b, o, i, j] = total
    return out


def value_and_gradients(
    layer: DeformConv, x: Tensor, offset: Tensor
) -> dict[str, Tensor]:
    """Return the output and the gradients of a fixed random sum of it."""
    x, offset = x.clone().requires_grad_(), offset.clone().requires_grad_()
    out = layer(x, offset)
    seed = torch.Generator().manual_seed(1)
    factors = torch.randn(out.shape, generator=seed).to(out)
    sources = {'x': x, 'offset': offset, **dict(layer.named_parameters())}
    gradients = torch.autograd.grad((out * factors).sum(), sources.values())
    return {'out': out, **dict(zip(sources, gradients, strict=True))}


def assert_agree(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    for name, value in right.items():
        torch.testing.assert_close(
            left[name], value, rtol=1e-4, atol=1e-4, msg=name
        )


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('name', CASES)
def test_equals_the_definition(name: str, backend: str) -> None:
    layer, x, offset = make_case(name, size=(5, 4))
    layer.backend = backend
    found = layer(x, offset).double()
    expected = loop_reference(layer, x, offset)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('backend', BACKENDS[1:])
@pytest.mark.parametrize('spread', SPREADS)
@pytest.mark.parametrize('name', CASES)
def test_backends_agree(name: str, spread: str, backend: str) -> None:
    layer, x, offset = make_case(name, spread=SPREADS[spread])
    layer.backend = 'torch'
    ours = value_and_gradients(layer, x, offset)
    layer.backend = backend
    assert_agree(value_and_gradients(layer, x, offset), ours)


@pytest.mark.parametrize('backend', BACKENDS[1:])
def test_backends_agree_at_the_size_demt_runs(backend: str) -> None:
    # 107 x 140 is a quarter of 425 x 560; untrained DeMT's offsets have a
    # spread of some 28 pixels there.
    torch.manual_seed(0)
    layer = DeformConv(16, out_channels=8, kernel_size=1, offset_groups=16)
    x = torch.randn(1, 16, 107, 140)
    offset = keep_off_integers(torch.randn(1, 32, 107, 140) * 28)
    layer.backend = 'torch'
    ours = value_and_gradients(layer, x, offset)
    layer.backend = backend
    theirs = value_and_gradients(layer, x, offset)
    # The weight's gradient sums 15,000 pixels: relative to its largest.
    for values in (ours, theirs):
        for name in ('weight', 'bias'):
            values[name] = values[name] / theirs[name].abs().max()
    assert_agree(theirs, ours)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@pytest.mark.parametrize('backend', ['torch', 'torchvision', 'mmcv'])
@pytest.mark.parametrize('spread', SPREADS)
@pytest.mark.parametrize('name', CASES)
def test_gpu_agrees_with_cpu(name: str, spread: str, backend: str) -> None:
    gpu = torch.device('cuda')
    if backend != 'torch':
        problem = getattr(deform_backends, f'{backend}_problem')(gpu)
        if problem is not None:
            pytest.skip(problem)
    layer, x, offset = make_case(name, spread=SPREADS[spread])
    layer.backend = 'torch'
    expected = value_and_gradients(layer, x, offset)
    layer.backend = backend
    # TF32 keeps ten bits of a product's factors, too few for 1e-4.
    with torch.backends.cudnn.flags(allow_tf32=False):
        found = value_and_gradients(layer.to(gpu), x.to(gpu), offset.to(gpu))
    assert_agree({name: v.cpu() for name, v in found.items()}, expected)


@pytest.mark.parametrize('backend', BACKENDS)
def test_convention_border_fades_to_zero(backend: str) -> None:
    """A pixel of value 1 is read as 1 - |distance|, also outside the map."""
    places = [-1.5, -1.0, -0.75, -0.25, 0.0, 0.25, 1.0]
    expected = torch.tensor([0.0, 0.0, 0.25, 0.75, 1.0, 0.75, 0.0])
    x = torch.zeros(1, 1, 4, 4)
    weight = torch.ones(1, 1, 1, 1)
    for axis, end in itertools.product(range(2), (False, True)):
        index = 3 if end else 0
        x.zero_()
        x[0, 0, index, index] = 1
        found = []
        for place in places:
            offset = torch.zeros(1, 2, 4, 4)
            # Outward is negative at the first pixel, positive at the last.
            offset[0, axis] = -place if end else place
            out = deform_conv(x, offset, weight, backend=backend)
            found.append(out[0, 0, index, index])
        torch.testing.assert_close(torch.stack(found), expected)


@pytest.mark.parametrize('backend', BACKENDS)
def test_convention_dy_comes_first_and_points_down(backend: str) -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4)
    offset = torch.zeros(1, 2, 3, 4)
    offset[:, 0] = 1
    weight = torch.ones(1, 1, 1, 1)
    out = deform_conv(x, offset, weight, backend=backend)
    # Row i reads row i + 1; below the map there are zeros.
    expected = torch.cat([x[:, :, 1:], torch.zeros(1, 1, 1, 4)], dim=2)
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize('backend', [*BACKENDS, 'auto'])
@pytest.mark.parametrize('name', CASES)
def test_without_offset_it_is_a_convolution(name: str, backend: str) -> None:
    layer, x, offset = make_case(name)
    layer.backend = backend
    expected = F.conv2d(
        x,
        layer.weight,
        layer.bias,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
    )
    torch.testing.assert_close(layer(x, torch.zeros_like(offset)), expected)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('size', [(1, 1), (1, 6), (2, 2)])
def test_map_smaller_than_the_kernel(
    size: tuple[int, int], backend: str
) -> None:
    layer, x, offset = make_case('dcn', spread=1, size=size)
    layer.backend = backend
    found = layer(x, offset).double()
    expected = loop_reference(layer, x, offset)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('backend', BACKENDS)
def test_offsets_beyond_integers_read_zero(backend: str) -> None:
    layer, x, offset = make_case('demt')
    layer.backend = backend
    values = value_and_gradients(layer, x, torch.full_like(offset, 1e12))
    expected = layer.bias[:, None, None].expand_as(values['out'])
    torch.testing.assert_close(values['out'], expected)
    assert values['x'].abs().max() == 0
    assert values['offset'].abs().max() == 0


def test_batch_that_mmcv_cannot_halve() -> None:
    problem = MISSING['mmcv']
    if problem is not None:
        pytest.skip(problem)
    layer = DeformConv(2, out_channels=2, kernel_size=1, backend='mmcv')
    torch.manual_seed(0)
    x, offset = torch.randn(37, 2, 2, 2), torch.randn(37, 2, 2, 2)
    found = layer(x, offset)
    layer.backend = 'torch'
    torch.testing.assert_close(found, layer(x, offset))


@pytest.mark.parametrize('name', ['demt', 'strided', 'depthwise'])
def test_gradients_of_the_torch_backend(name: str) -> None:
    layer, x, offset = make_case(name, size=(3, 4))
    inputs = [
        value[:1].detach().double().requires_grad_() for value in (x, offset)
    ]
    inputs += [
        value.detach().double().requires_grad_()
        for value in layer.parameters()
    ]

    def run(*values: Tensor) -> Tensor:
        return deform_conv(
            *values,
            stride=layer.stride,
            padding=layer.padding,
            groups=layer.groups,
            backend='torch',
        )

    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_keeps_positions_in_float32(
    dtype: torch.dtype, backend: str
) -> None:
    # A position of 300.5 is not a bfloat16 number: its neighbours are 300
    # and 302, so half-precision positions would read other pixels.
    x = torch.arange(400.0).remainder(7).view(1, 1, 1, 400)
    offset = torch.zeros(1, 2, 1, 400)
    offset[:, 1] = 0.5
    layer = DeformConv(
        1, out_channels=1, kernel_size=1, bias=False, backend=backend
    )
    torch.nn.init.ones_(layer.weight)
    expected = (x[..., 300] + x[..., 301]) / 2
    with torch.autocast('cpu', dtype=dtype):
        out = layer(x.to(dtype), offset)
        assert out.dtype == F.conv2d(x, layer.weight).dtype
    assert out[..., 300].float() == expected


def test_parameters_start_as_those_of_conv2d() -> None:
    torch.manual_seed(0)
    layer = DeformConv(6, out_channels=4, kernel_size=3, groups=2)
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(6, 4, 3, groups=2)
    assert torch.equal(layer.weight, plain.weight)
    assert torch.equal(layer.bias, plain.bias)
    bare = DeformConv(6, out_channels=4, kernel_size=3, bias=False)
    assert [name for name, _ in bare.named_parameters()] == ['weight']


@pytest.mark.parametrize(
    ('kernel', 'offset_groups', 'device', 'installed', 'expected'),
    [
        ((1, 1), 8, 'cpu', {'mmcv', 'torchvision'}, 'torch'),
        ((1, 1), 4, 'cpu', {'mmcv', 'torchvision'}, 'mmcv'),
        ((3, 3), 8, 'cpu', {'mmcv', 'torchvision'}, 'mmcv'),
        ((3, 3), 8, 'cpu', {'torchvision'}, 'torchvision'),
        ((3, 3), 8, 'cpu', set(), 'torch'),
        ((1, 1), 8, 'cuda', {'mmcv', 'torchvision'}, 'mmcv'),
        ((1, 1), 8, 'cuda', {'torchvision'}, 'torchvision'),
        ((1, 1), 8, 'cuda', set(), 'torch'),
    ],
)
def test_rule_of_auto(
    monkeypatch: pytest.MonkeyPatch,
    kernel: tuple[int, int],
    offset_groups: int,
    device: str,
    installed: set[str],
    expected: str,
) -> None:
    for name in ('mmcv', 'torchvision'):
        problem = None if name in installed else 'missing'
        monkeypatch.setattr(
            f'mmmtl.models.layers.deform_conv.{name}_problem',
            lambda device, problem=problem: problem,
        )
    found = choose_backend(
        8,
        kernel=kernel,
        offset_groups=offset_groups,
        device=torch.device(device),
    )
    assert found == expected


def test_an_unknown_back_end_is_refused() -> None:
    with pytest.raises(ValueError, match="backend='cuda': give one of"):
        DeformConv(8, out_channels=4, kernel_size=3, backend='cuda')


@pytest.mark.skipif(MISSING['mmcv'] is None, reason='mmcv has operators here')
def test_missing_operators_are_named_with_the_fix() -> None:
    with pytest.raises(ValueError, match=r'no compiled .* MMCV_WITH_OPS=1'):
        DeformConv(8, out_channels=4, kernel_size=3, backend='mmcv')
