"""What compilers and low precision ask of the models."""

from __future__ import annotations

import pytest
import torch

from mmmtl.registry import MODELS, build_in_scope
from tests.test_deploy.tiny_configs import FAMILIES, tiny_config

QUICK = ('FCN', 'DeMT')
SOME_SLOW = [
    family if family in QUICK else pytest.param(family, marks=pytest.mark.slow)
    for family in FAMILIES
]


def build(family: str) -> torch.nn.Module:
    config = tiny_config(family, convolutions=True)
    return build_in_scope(MODELS, config.model)


@pytest.mark.parametrize('family', SOME_SLOW)
@pytest.mark.parametrize(
    'training', [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_one_graph_without_breaks(family: str, training: bool) -> None:
    model = build(family).train(training)
    torch._dynamo.reset()

    def forward(images: torch.Tensor) -> dict[str, torch.Tensor]:
        return model(images, mode='tensor')

    compiled = torch.compile(forward, fullgraph=True, backend='eager')
    images = torch.randn(2, 3, 64, 96)
    with torch.set_grad_enabled(training):
        found = compiled(images)
        if training:  # dropout and drop path draw anew
            sum(maps.sum() for maps in found.values()).backward()
            return
        wanted = model(images, mode='tensor')
    for task, maps in wanted.items():
        torch.testing.assert_close(found[task], maps)


@pytest.mark.parametrize('family', FAMILIES)
def test_bfloat16_is_near_float32(family: str) -> None:
    model = build(family).eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        wanted = model(images, mode='tensor')
        with torch.autocast('cpu', torch.bfloat16):
            found = model(images, mode='tensor')
    for task, maps in wanted.items():
        error = (found[task].float() - maps).std() / maps.std()
        assert error < 0.1, task
