from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmmtl.models.layers.scoped_attention import SCOPES, ScopedAttention
from tests.reference.layers import multi_head

B, N, T, C, HEADS = 2, 5, 3, 8, 2
F64 = torch.float64


@pytest.fixture
def layers() -> tuple[ScopedAttention, nn.Linear]:
    attention = ScopedAttention(C, num_heads=HEADS).double()
    # Both biases start at zero and would hide a mistake.
    nn.init.normal_(attention.in_proj_bias)
    nn.init.normal_(attention.out_proj.bias)
    return attention, nn.Linear(C, C, dtype=F64)


def reference(
    attention: ScopedAttention, then: nn.Linear, query: Tensor, keys: Tensor
) -> Tensor:
    """PyTorch's layer on the same parameters: (P, Q, C), (P, S, C)."""
    mixed, _ = multi_head(attention)(
        query.transpose(0, 1), keys.transpose(0, 1), keys.transpose(0, 1)
    )
    return then(mixed.transpose(0, 1))


def key_set(keys: Tensor, scope: str, image: int, pixel: int) -> Tensor:
    """The tokens that a query at (image, pixel) may see, (S, C)."""
    if scope == 'sample':
        return keys[image, pixel]
    if scope == 'batch':
        return keys[:, pixel].flatten(0, 1)
    return keys[image].flatten(0, 1)


def assert_same_with_gradients(
    ours: Tensor, want: Tensor, leaves: list[Tensor]
) -> None:
    assert torch.allclose(ours, want, rtol=0, atol=1e-10)
    weight = torch.randn_like(want)
    for mine, theirs in zip(
        torch.autograd.grad((ours * weight).sum(), leaves),
        torch.autograd.grad((want * weight).sum(), leaves),
        strict=True,
    ):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize('scope', SCOPES)
def test_equals_torch_on_explicit_key_sets(
    layers: tuple[ScopedAttention, nn.Linear], scope: Any
) -> None:
    attention, then = layers
    query = torch.randn(B, N, C, dtype=F64, requires_grad=True)
    keys = torch.randn(B, N, T, C, dtype=F64, requires_grad=True)
    want = torch.stack(
        [
            reference(
                attention,
                then,
                query[b, n].view(1, 1, C),
                key_set(keys, scope, b, n)[None],
            )[0, 0]
            for b in range(B)
            for n in range(N)
        ]
    ).view(B, N, C)
    ours = attention(query, keys, scope=scope, then=then)
    leaves = [query, keys, *attention.parameters(), *then.parameters()]
    assert_same_with_gradients(ours, want, leaves)


@pytest.mark.parametrize('scope', SCOPES)
def test_self_attention_equals_torch_on_explicit_key_sets(
    layers: tuple[ScopedAttention, nn.Linear], scope: Any
) -> None:
    attention, then = layers
    tokens = torch.randn(B, N, T, C, dtype=F64, requires_grad=True)

    def seen(b: int, n: int, t: int) -> Tensor:
        return {
            'sample': tokens[b, n, t][None],
            'batch': tokens[:, n, t],
            'tokens': tokens[b].flatten(0, 1),
        }[scope]

    want = torch.stack(
        [
            reference(
                attention,
                then,
                tokens[b, n, t].view(1, 1, C),
                seen(b, n, t)[None],
            )[0, 0]
            for b in range(B)
            for n in range(N)
            for t in range(T)
        ]
    ).view(B, N, T, C)
    ours = attention.self_attention(tokens, scope=scope, then=then)
    leaves = [tokens, *attention.parameters(), *then.parameters()]
    assert_same_with_gradients(ours, want, leaves)


def test_one_key_gives_queries_and_keys_a_zero_gradient(
    layers: tuple[ScopedAttention, nn.Linear],
) -> None:
    """Not none: they are no dead parameters, and DDP waits for them."""
    attention, then = layers
    tokens = torch.randn(B, N, T, C, dtype=F64)
    out = attention.self_attention(tokens, scope='sample', then=then)
    out.square().sum().backward()
    for parameter in (attention.in_proj_weight, attention.in_proj_bias):
        assert parameter.grad is not None
        assert parameter.grad[: 2 * C].abs().max() == 0
        assert parameter.grad[2 * C :].abs().min() > 0


@pytest.mark.parametrize(
    ('scope', 'mixes_images', 'mixes_pixels'),
    [
        ('sample', False, False),
        ('batch', True, False),
        ('tokens', False, True),
    ],
)
def test_what_a_scope_mixes(
    layers: tuple[ScopedAttention, nn.Linear],
    scope: Any,
    mixes_images: bool,
    mixes_pixels: bool,
) -> None:
    attention, then = layers
    query = torch.randn(B, N, C, dtype=F64)
    keys = torch.randn(B, N, T, C, dtype=F64)
    before = attention(query, keys, scope=scope, then=then)
    keys[1, 3, 2] += 1
    moved = attention(query, keys, scope=scope, then=then) - before
    moved = moved.abs().amax(-1) > 1e-12
    assert moved[1, 3]
    assert bool(moved[0].any()) == mixes_images
    assert bool(moved[1, :3].any()) == mixes_pixels
    tokens = torch.randn(B, N, T, C, dtype=F64)
    before = attention.self_attention(tokens, scope=scope, then=then)
    tokens[1, 3, 2] += 1
    after = attention.self_attention(tokens, scope=scope, then=then)
    moved = (after - before).abs().amax(-1) > 1e-12
    assert moved[1, 3, 2]
    assert bool(moved[0].any()) == mixes_images
    assert bool(moved[1, :3].any()) == mixes_pixels
    # The other tasks at the same pixel, too, are seen in `tokens` alone.
    assert bool(moved[1, 3, :2].any()) == mixes_pixels


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operator made."""

    elements = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.elements = max(self.elements, leaf.numel())
        return out


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_all_tokens_without_the_matrix_of_scores() -> None:
    attention = ScopedAttention(C, num_heads=HEADS)
    then = nn.Linear(C, C)
    pixels = 256
    tokens = torch.randn(1, pixels, T, C, requires_grad=True)
    with LargestTensor() as largest:
        out = attention.self_attention(tokens, scope='tokens', then=then)
        out = attention(out[:, :, 0], out, scope='tokens', then=then)
        out.sum().backward()
    # 3 * 256 tokens of 8 channels, and a few of their kind; the scores of
    # the self-attention alone would be (768 * 768) per head.
    assert largest.elements <= 4 * pixels * T * C
    assert largest.elements < (pixels * T) ** 2 / 20


class RepeatedWeights(TorchDispatchMode):
    """Notes batched products with an operand that repeats in the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, ...]] = []

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        if operator is torch.ops.aten.bmm.default:
            self.found += [
                tuple(part.shape)
                for part in args
                if part.shape[0] > 1 and part.stride(0) == 0
            ]
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize('scope', SCOPES)
def test_no_weight_is_repeated_per_pixel_in_bfloat16(scope: str) -> None:
    """Of a task's slice of the tokens, where there are no gradients.

    There PyTorch copied the weight for each of the N pixels.
    """
    attention = ScopedAttention(C, num_heads=HEADS)
    tokens = torch.randn(B, N, T, C, dtype=torch.bfloat16)
    with (
        torch.no_grad(),
        torch.autocast('cpu', torch.bfloat16),
        RepeatedWeights() as mode,
    ):
        attention(tokens[:, :, 1], tokens, scope=scope, then=nn.Linear(C, C))
    # Per image is cheap: the last layer of the `batch` scope.
    assert [s for s in mode.found if s[0] > B] == []


def test_parameters_are_those_of_torch() -> None:
    """Name by name, so published weights load."""
    ours = ScopedAttention(C, num_heads=HEADS).state_dict()
    theirs = nn.MultiheadAttention(C, HEADS).state_dict()
    assert list(ours) == list(theirs)
    for name in ours:
        assert ours[name].shape == theirs[name].shape, name


def test_the_start_is_torch_s() -> None:
    torch.manual_seed(1)
    ours = ScopedAttention(C, num_heads=HEADS)
    # Xavier uniform over (3C, C): bound sqrt(6 / 4C) = 0.433 at C = 8.
    bound = (6 / (4 * C)) ** 0.5
    assert 0.9 * bound < ours.in_proj_weight.abs().max() <= bound
    assert ours.in_proj_bias.abs().max() == 0
    assert ours.out_proj.bias.abs().max() == 0
