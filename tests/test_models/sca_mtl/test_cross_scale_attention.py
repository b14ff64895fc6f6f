from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmmtl.models.sca_mtl import CrossScaleAttention

PYRAMID = (4, 6, 8)


def build(**changes: object) -> CrossScaleAttention:
    return CrossScaleAttention(**dict(in_channels=PYRAMID) | changes)


def levels() -> list[Tensor]:
    sizes = ((13, 18), (7, 9), (4, 5))
    return [
        torch.randn(2, c, *size)
        for c, size in zip(PYRAMID, sizes, strict=True)
    ]


def test_each_level_attends_to_all_coarser_ones() -> None:
    """Own feature, then the answers of the coarser levels in their order."""
    neck, inputs = build().eval(), levels()
    found = neck(inputs)
    assert [level.shape[1] for level in found] == [12, 12, 8]
    assert neck.out_channels == (12, 12, 8)
    for level, own in enumerate(inputs[:-1]):
        parts = [own]
        for step, coarser in enumerate(inputs[level + 1 :]):
            source = neck.cross_scale.reduce[level][step](coarser)
            # Attends at the source's own size.
            assert source.shape[1:] == (own.shape[1], *coarser.shape[2:])
            parts += neck.cross_scale.attention[level](own, [source])
        assert torch.allclose(found[level], torch.cat(parts, dim=1))
    assert torch.equal(found[-1], inputs[-1])


def test_a_finer_level_never_changes_a_coarser_one() -> None:
    neck, inputs = build().eval(), levels()
    before = neck(inputs)
    after = neck([torch.randn_like(inputs[0]), *inputs[1:]])
    assert not torch.allclose(before[0], after[0])
    for level in (1, 2):
        assert torch.equal(before[level], after[level])


def test_one_width_for_heads_that_want_it() -> None:
    neck, plain, inputs = build(out_channels=5), build(), levels()
    assert neck.out_channels == (5, 5, 5)
    plain.cross_scale.load_state_dict(neck.cross_scale.state_dict())
    joined = plain.eval()(inputs)
    for level, found in enumerate(neck.eval()(inputs)):
        want = neck.projections[level](joined[level])
        assert found.shape == (2, 5, *inputs[level].shape[2:])
        assert torch.equal(found, want)


def test_the_documented_channels_of_hrnet18() -> None:
    neck = build(in_channels=(18, 36, 72, 144))
    assert neck.out_channels == (72, 108, 144, 144)


@pytest.mark.parametrize('changes', [{}, dict(out_channels=5)])
def test_every_parameter_has_a_gradient(changes: dict) -> None:
    neck = build(**changes).train()
    sum(x.square().sum() for x in neck(levels())).backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_another_pyramid_does_not_pass() -> None:
    for wrong in (levels()[:2], levels()[::-1]):
        with pytest.raises((ValueError, RuntimeError)):
            build()(wrong)
