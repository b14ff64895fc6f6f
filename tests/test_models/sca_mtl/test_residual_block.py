"""The residual block equals mmsegmentation's, and folds."""

from __future__ import annotations

import pytest
import torch
from mmseg.models.backbones.resnet import BasicBlock
from torch import nn

from mmmtl.models.sca_mtl.residual_block import ResidualBlock


@pytest.mark.parametrize('width', [4, 6])
@pytest.mark.parametrize('train', [True, False])
def test_equals_the_basic_block_of_resnet(width: int, train: bool) -> None:
    ours = ResidualBlock(4, out_channels=width)
    theirs = BasicBlock(4, width, downsample=ours.shortcut)
    theirs.conv1, theirs.bn1 = ours.entry
    theirs.conv2, theirs.bn2 = ours.exit
    assert (ours.shortcut is None) == (width == 4)
    for norm in ours.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.bias)
            norm.running_var.uniform_(0.5, 1.5)
    feature = torch.randn(2, 4, 5, 3)
    want = theirs.train(train)(feature)
    assert torch.allclose(ours.train(train)(feature), want, atol=1e-6)


def test_an_input_twice_equals_added_weights() -> None:
    block = ResidualBlock(6, out_channels=4).double().eval()
    feature = torch.randn(1, 3, 5, 4).double()
    summed = tuple(w[:, :3] + w[:, 3:] for w in block.entry_weights)
    want = block(torch.cat([feature, feature], dim=1))
    assert torch.allclose(block(feature, summed), want)
