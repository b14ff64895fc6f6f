"""Our models against the released arithmetic, stage by stage."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.registry import MODELS, build_in_scope
from tests.reference.stages import method_of
from tests.tiny import METHODS as CONFIGS

SCOPES = [('sample', 1), ('batch', 1), ('batch', 2)]


def build(method: str, **head: str) -> nn.Module:
    return build_in_scope(MODELS, CONFIGS[method](**head)).eval()


def flat(values: Any) -> Tensor:
    """All tensors of nested sequences in one."""
    if isinstance(values, Tensor):
        return values.flatten()
    return torch.cat([flat(value) for value in values])


@pytest.mark.parametrize(
    ('method', 'batch', 'options'),
    [
        (method, batch, dict(attn_scope=scope))
        for method in ('DeMT', 'MQTransformer')
        for scope, batch in SCOPES
    ]
    + [
        ('SCA-MTL', 1, {}),
        ('SCA-MTL', 2, dict(ctam_fusion='per_task', fpma_view='task_major')),
    ],
)
def test_each_stage_is_the_released_one(
    method: str, batch: int, options: dict[str, str]
) -> None:
    """At a size that is a multiple of neither windows nor strides."""
    model = build(method, **options)
    row = method_of(model)
    image = torch.randn(batch, 3, 33, 40)
    with torch.no_grad():
        for stage in row.stages[1:]:
            inputs = row.inputs_of(model, stage, image)
            ours, plain = (
                flat(row.function(model, form, stage)(*inputs))
                for form in ('ours', 'plain')
            )
            apart = (ours - plain).abs().max() / plain.abs().max()
            assert apart < 1e-5, stage


@pytest.mark.parametrize('method', CONFIGS)
def test_stages_one_after_another_are_what_the_model_computes(
    method: str,
) -> None:
    model = build(method)
    row = method_of(model)
    assert row.name == method
    image = torch.randn(1, 3, 32, 40)
    with torch.no_grad():
        expected = model(image, mode='tensor').values()
        for form in row.forms:
            whole = row.function(model, form, 'whole')
            for found, logits in zip(whole(image), expected, strict=True):
                torch.testing.assert_close(found, logits)


# SCA-MTL has too many weights for this; test_gradients.py compares its
# gradients.
@pytest.mark.parametrize('method', ['DeMT', 'MQTransformer'])
def test_every_weight_of_the_head_is_seen_by_the_comparison(
    method: str,
) -> None:
    # In double precision, because a weight may matter little as it starts.
    model = build(method).double()
    row = method_of(model)
    image = torch.randn(1, 3, 32, 40).double()
    unseen = []
    with torch.no_grad():
        ours = flat(row.function(model, 'ours', 'whole')(image))
        for name, weight in model.decode_head.named_parameters():
            kept = weight.clone()
            weight += torch.randn_like(weight)
            plain = flat(row.function(model, 'plain', 'whole')(image))
            weight.copy_(kept)
            if (plain - ours).abs().max() / ours.abs().max() < 1e-9:
                unseen.append(name)
    # The shift of a key's norm moves all scores of a query alike.
    assert all(name.endswith('norm_k.bias') for name in unseen), unseen
    assert len(unseen) == (2 if method == 'MQTransformer' else 0)
