"""mmseg's decode heads as a task's decoder, on backbones of five kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mmmtl.engine.config import load_config
from mmmtl.models.decode_heads import PerTaskHeads
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import demt, head_tasks, random_batch, swin

SIZE = (64, 64)
BN = dict(type='BN')
TASKS = ('semseg', 'depth')


def _stage(number: int, block: str = 'BASIC') -> dict[str, Any]:
    return dict(
        num_modules=1,
        num_branches=number,
        block=block,
        num_blocks=(1,) * number,
        num_channels=tuple(4 * 2**i for i in range(number)),
    )


# Each with its channels; all four levels of a ViT have one size.
BACKBONES = {
    'swin': (swin(), [8, 16, 32, 64]),
    'resnet': (
        dict(
            type='ResNetV1c',
            depth=18,
            stem_channels=8,
            base_channels=8,
            norm_cfg=BN,
        ),
        [8, 16, 32, 64],
    ),
    'hrnet': (
        dict(
            type='HRNet',
            norm_cfg=BN,
            extra=dict(
                stage1=_stage(1, 'BOTTLENECK'),
                stage2=_stage(2),
                stage3=_stage(3),
                stage4=_stage(4),
            ),
        ),
        [4, 8, 16, 32],
    ),
    'vit': (
        dict(
            type='VisionTransformer',
            img_size=SIZE,
            patch_size=16,
            embed_dims=8,
            num_layers=4,
            num_heads=2,
            out_indices=(0, 1, 2, 3),
        ),
        [8, 8, 8, 8],
    ),
    'mit': (
        dict(
            type='MixVisionTransformer',
            embed_dims=4,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
        ),
        [4, 4, 4, 4],
    ),
}


def heads(channels: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Configs of the heads for a pyramid."""
    last = dict(in_channels=channels[-1], in_index=3, channels=8)
    every = dict(in_channels=channels, in_index=[0, 1, 2, 3], channels=8)
    select = dict(input_transform='multiple_select')
    found = [
        dict(type='FCNHead', **last, num_convs=1),
        dict(type='PSPHead', **last),
        dict(type='ASPPHead', **last, dilations=(1, 2)),
        dict(
            type='DepthwiseSeparableASPPHead',
            **last,
            c1_in_channels=channels[0],
            c1_channels=4,
            dilations=(1, 2),
        ),
        dict(type='UPerHead', **every),
        dict(type='SegformerHead', **every),
        dict(type='FPNHead', **every, feature_strides=[4, 8, 16, 32]),
        dict(type='SETRUPHead', **last),
        dict(type='SETRMLAHead', **every, mla_channels=2),
        dict(
            type='LightHamHead',
            in_channels=channels[1:],
            in_index=[1, 2, 3],
            channels=8,
            ham_channels=8,
            ham_kwargs=dict(MD_R=4),
        ),
        dict(type='GCHead', **last),
        dict(type='ISAHead', **last, isa_channels=4, down_factor=(2, 2)),
        dict(
            type='SegmenterMaskTransformerHead',
            in_channels=channels[-1],
            channels=channels[-1],
            num_layers=1,
            num_heads=2,
            embed_dims=8,
        ),
        dict(type='DAHead', **last, pam_channels=4),
        dict(
            type='EncHead',
            in_channels=channels[1:],
            in_index=[1, 2, 3],
            channels=8,
            num_codes=4,
        ),
        dict(
            type='DPTHead',
            **every,
            **select,
            embed_dims=channels[-1],
            post_process_channels=[4, 4, 8, 8],
        ),
    ]
    return {head['type']: head for head in found}


# Layers that serve a loss of the head's own, which is not used here.
UNUSED = {
    'DAHead': {'pam_conv_seg', 'cam_conv_seg'},
    'EncHead': {'se_layer'},
}
# For levels of one width and size, those of plain transformers.
PLAIN = ('DPTHead', 'SETRMLAHead')


def pairs() -> list[Any]:
    """Every head on every backbone; a few are enough for a quick run."""
    found = []
    for i, (backbone, (_, channels)) in enumerate(BACKBONES.items()):
        for k, head in enumerate(heads(channels)):
            if backbone == 'vit' or head not in PLAIN:
                quick = k % len(BACKBONES) == i or head in PLAIN
                marks = () if quick else pytest.mark.slow
                found.append(pytest.param(backbone, head, marks=marks))
    return found


def build(backbone: str, head: str, **changes: Any) -> Any:
    """Decode semseg with the head, depth with our convolutions."""
    torch.manual_seed(0)
    settings, channels = BACKBONES[backbone]
    config = demt(TASKS)
    del config['neck']
    config['backbone'] = {**settings, **changes}
    config['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=head_tasks(TASKS),
        in_channels=channels,
        channels=8,
        heads=dict(semseg=heads(channels)[head]),
    )
    return build_in_scope(MODELS, config)


def without_gradient(model: nn.Module) -> set[str]:
    return {
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    }


@pytest.mark.parametrize(('backbone', 'head'), pairs())
def test_trains_and_predicts(backbone: str, head: str) -> None:
    model = build(backbone, head)
    data = model.data_preprocessor(random_batch(TASKS, size=SIZE), True)
    losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    assert total.isfinite()
    total.backward()
    place = 'decode_head.decoders.semseg.head.'
    unused = {
        name.removeprefix(place).rpartition('.')[0]
        for name in without_gradient(model)
    }
    assert unused == UNUSED.get(head, set())
    (sample, _) = model.eval()(data['inputs'], mode='predict')
    ids = sample.get_pred('semseg')
    assert ids.shape == (1, *SIZE)
    assert set(ids.unique().tolist()) <= set(range(5))
    assert sample.get_pred('depth').isfinite().all()


def test_dpt_reads_the_class_token() -> None:
    """Other decoders of the same pyramid do not see it."""
    model = build('vit', 'DPTHead', output_cls_token=True)
    head = model.decode_head
    for block in head.decoders['semseg'].head.reassemble_blocks.modules():
        block.readout_type = 'add'
    model.eval()
    images = torch.randn(1, 3, *SIZE)
    pairs = model.extract_feat(images)
    with_token = head(pairs)
    maps = [feature for feature, _ in pairs]
    means = [[feature, feature.mean((2, 3))] for feature in maps]
    without = head(maps)
    assert torch.equal(without['depth'], with_token['depth'])
    assert not torch.allclose(without['semseg'], with_token['semseg'])
    assert torch.equal(without['semseg'], head(means)['semseg'])


def test_heads_of_a_cascade_are_refused() -> None:
    head = dict(type='OCRHead', ocr_channels=4, in_channels=64, channels=8)
    with pytest.raises(ValueError, match=r'heads.depth: OCRHead.*prev_output'):
        PerTaskHeads(
            tasks=head_tasks(('depth',)),
            in_channels=[8, 16, 32, 64],
            heads=dict(depth=head),
        )


def test_the_config_of_the_docs(repo_root: Path, tmp_path: Path) -> None:
    page = (repo_root / 'docs/heads.md').read_text(encoding='utf-8')
    text = re.search('```python\n(.*?)```', page, re.DOTALL)[1]
    file = tmp_path / 'heads.py'
    file.write_text(text.replace("'configs/", f"'{repo_root}/configs/"))
    config = load_config(file)
    model = build_in_scope(MODELS, config.model)
    decoders = model.decode_head.decoders
    assert {
        task: type(getattr(decoder, 'head', decoder)).__name__
        for task, decoder in decoders.items()
    } == dict(
        semseg='SegformerHead',
        depth='UPerHead',
        normals='FPNHead',
        edge='OutputLayers',
    )
    classes = dict(semseg=model.decode_head.outputs['semseg'].channels)
    batch = random_batch(model.tasks, size=SIZE, classes=classes)
    data = model.data_preprocessor(batch, True)
    total, _ = model.parse_losses(model(**data, mode='loss'))
    assert total.isfinite()
    total.backward()
    assert without_gradient(model) == set()
