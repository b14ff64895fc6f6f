"""Parameter counts of SCA-MTL, measured on the released code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from tests.sca_models import PYRAMID, sca_hrnet18

BACKBONE = 3_860_720
# The released counts less the second norms of its window blocks, which it
# carries and never uses.
COUNTS = [
    (dict(semseg=40, depth=1), 25_760_549),
    (dict(semseg=40, depth=1, normals=3, edge=1), 56_367_543),
    (dict(semseg=21, normals=3), 25_732_924),
    (dict(semseg=21, human_parts=7, saliency=1), 39_940_776),
    (
        dict(semseg=21, human_parts=7, saliency=1, normals=3, edge=1),
        74_949_850,
    ),
]


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for m in modules for p in m.parameters())


def build(channels: Mapping[str, int]) -> Any:
    with torch.device('meta'):
        return sca_hrnet18(channels)


def block(c_in: int, c: int) -> int:
    """Two 3x3 convolutions, a 1x1 shortcut if the width changes, norms."""
    shortcut = c_in * c + 2 * c if c_in != c else 0
    return 9 * c_in * c + 2 * c + 9 * c * c + 2 * c + shortcut


def attention(c: int) -> int:
    """Five 1x1 convolutions with a norm each."""
    return 5 * (c * c + 2 * c)


def windows(c: int, depth: int, heads: int) -> int:
    """Embedding, norms, and per block a norm, 169 biases, qkv, proj."""
    per_block = 2 * c + 169 * heads + 3 * (c * c + c) + c * c + c
    return c * c + c + 2 * c + depth * per_block + 2 * c


def closed_form(
    pyramid: Sequence[int], outputs: Sequence[int]
) -> dict[str, int]:
    """Parameters of neck and head by part."""
    c, tasks, levels = [2 * w for w in pyramid], len(outputs), len(pyramid)
    squeeze = [w // 16 for w in c]
    width = sum(2 * w * (levels - 1 - k) for k, w in enumerate(c)) + c[-1]
    return dict(
        neck=sum(windows(w, 2, 6) for w in pyramid),
        scales=sum(
            tasks * (block(w + more, w) + block(w, w))
            + sum((w + 1) * o for o in outputs)
            for w, more in zip(c, [*c[1:], 0], strict=True)
        ),
        interactions=sum(
            tasks * (tasks - 1) * attention(w) + block(2 * w * (tasks - 1), w)
            for w in c
        ),
        propagations=sum(
            windows(tasks * w, 1, 4)
            + block(tasks * w, w)
            + tasks * (w * s + s + s * w + w)
            for w, s in zip(c[1:], squeeze[1:], strict=True)
        ),
        aggregations=sum(
            sum(
                attention(w) + sum(s * w + 2 * w for s in c[k + 1 :])
                for k, w in enumerate(c[:-1])
            )
            + (width + 1) * width
            + 2 * width
            + (width + 1) * o
            for o in outputs
        ),
    )


@pytest.mark.parametrize(('channels', 'total'), COUNTS)
def test_sizes_are_the_released_ones(
    channels: dict[str, int], total: int
) -> None:
    model = build(channels)
    assert count(model.backbone) == BACKBONE
    assert count(model) == total
    want = closed_form(PYRAMID, tuple(channels.values()))
    head = model.decode_head
    for part, size in want.items():
        module = model.neck if part == 'neck' else getattr(head, part)
        assert count(module) == size, part
    assert BACKBONE + sum(want.values()) == total


def test_parts_are_the_released_ones() -> None:
    """Thousands of parameters for semseg and depth, rounded."""
    model = build(COUNTS[0][0])
    head = model.decode_head
    measured = dict(
        scales=[150, 595, 2373, 5988],
        interactions=[51, 204, 812, 3242],
        propagations=[258, 1027, 4095],
    )
    for part, sizes in measured.items():
        modules = getattr(head, part)
        unused = [0] * len(sizes)
        if part == 'propagations':  # a second norm of two tasks' channels
            unused = [2 * 2 * 2 * c for c in PYRAMID[1:]]
        found = [
            round((count(module) + more) / 1e3)
            for module, more in zip(modules, unused, strict=True)
        ]
        assert found == sizes, part
    assert round(count(head.aggregations) / 1e3) == 2844


def test_no_parameter_is_dead() -> None:
    """The released model has 3,096 more, all second norms."""
    # 2 c per block; two blocks a level, one a propagation (of 2 C channels).
    unused = sum(2 * 2 * c for c in PYRAMID)
    unused += sum(2 * 2 * 2 * c for c in PYRAMID[1:])
    assert unused == 3_096
    assert 25_763_645 - unused == COUNTS[0][1]
