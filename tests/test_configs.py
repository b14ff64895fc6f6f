"""The zoo: what every config promises, and the sizes of the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from torch import nn
from torch.overrides import TorchFunctionMode

from mmmtl.engine.config import load_config
from mmmtl.engine.config_tasks import data_sets, necks_of
from mmmtl.engine.single_task_config import single_task_config
from mmmtl.evaluation import primary_metric
from mmmtl.models.weighting import FixedWeighting, UncertaintyWeighting
from mmmtl.registry import METRICS, MODELS, TRANSFORMS, build_in_scope
from mmmtl.tasks import TASKS, get_task
from tests.tiny import random_batch

ROOT = Path(__file__).resolve().parent.parent / 'configs'
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob('*.py')
    if '_base_' not in path.parts
)
DEMT = [leaf for leaf in LEAVES if leaf.startswith('demt/')]
MQTRANSFORMER = [leaf for leaf in LEAVES if leaf.startswith('mqtransformer/')]
BASELINES = [leaf for leaf in LEAVES if leaf.startswith('baselines/')]
# Configs of a folder begin with its name, except here.
METHODS = {'baselines': 'fcn-multi'}
# Models of one task are derived from these configs.
SINGLES = [
    (f'baselines/fcn-multi_{backbone}_{dataset}.py', task)
    for dataset, tasks in {
        'nyud': ('semseg', 'depth', 'normals', 'edge'),
        'pascal-context': (
            'semseg',
            'human_parts',
            'saliency',
            'normals',
            'edge',
        ),
        'rooms': ('semseg', 'depth', 'normals', 'edge'),
    }.items()
    for backbone in ('hrnet18', 'swin-t')
    for task in tasks
]
BACKBONES = {
    'hrnet18': 3_860_720,
    'hrnet48': 65_325_120,
    'swin-t': 27_520_698,
    'swin-s': 48_838_602,
    'swin-b': 86_745_016,
    'swin-l': 194_998_164,
    'efficientnet-lite0': 2_958_848,
}
# Measured on the released heads: head with neck, by backbone and data set.
HEADS = {
    ('hrnet18', 'nyud'): 2_887_498,
    ('swin-t', 'nyud'): 4_549_561,
    ('swin-s', 'nyud'): 4_549_561,
    ('swin-b', 'nyud'): 5_228_581,
    ('swin-l', 'nyud'): 6_586_621,
    ('hrnet18', 'pascal-context'): 3_508_776,
    ('swin-t', 'pascal-context'): 5_508_204,
    ('swin-s', 'pascal-context'): 5_508_204,
    ('swin-b', 'pascal-context'): 6_324_924,
    ('swin-l', 'pascal-context'): 7_958_364,
}
# Measured on the released FCN head, whose width is a quarter of the pyramid.
FCN_HEADS = {
    ('hrnet18', 'nyud'): 654_836,
    ('hrnet48', 'nyud'): 4_675_185,
    ('swin-t', 'nyud'): 18_681_525,
    ('swin-s', 'nyud'): 18_681_525,
    ('swin-b', 'nyud'): 33_203_085,
    ('hrnet18', 'pascal-context'): 817_032,
    ('swin-t', 'pascal-context'): 23_343_874,
}
# Measured on the released MQTransformer, by backbone and data set: the whole
# head, of which DEAD parameters are never used (patch embedding with its
# norm, a second attention and relative positions of the decoder).
MQTRANSFORMER_HEADS = {
    ('hrnet18', 'nyud'): 4_457_261,
    ('swin-t', 'nyud'): 5_655_341,
    ('swin-s', 'nyud'): 5_655_341,
    ('swin-b', 'nyud'): 6_146_861,
    ('swin-l', 'nyud'): 7_129_901,
    ('hrnet18', 'pascal-context'): 4_698_082,
    ('swin-t', 'pascal-context'): 6_195_682,
    ('swin-s', 'pascal-context'): 6_195_682,
    ('swin-b', 'pascal-context'): 6_810_082,
    ('swin-l', 'pascal-context'): 8_038_882,
}
MQTRANSFORMER_DEAD = (256 * 256 * 16 + 256 + 2 * 256) + 263_936 + 2 * 7 * 32
# Of the losses, by data set; auxiliary tasks and ablations have the same.
WEIGHTS = {
    'nyud': dict(semseg=1.0, depth=1.0, normals=10.0, edge=50.0),
    'pascal-context': dict(
        semseg=1.0, human_parts=2.0, saliency=5.0, normals=10.0, edge=50.0
    ),
    'rooms': dict(semseg=1.0, depth=1.0, normals=1.0, edge=5.0),
    'taskonomy': dict(
        semseg=1.0,
        depth=1.0,
        normals=1.0,
        reshading=5.0,
        keypoints2d=5.0,
        edges2d=5.0,
    ),
    'cityscapes': dict(semseg=1.0, depth=0.1),
}
# Where a config has others than its data set.
_SCA = dict(semseg=1.44, depth=1.15)
OWN_WEIGHTS = {
    'sca/sca_hrnet18_nyud.py': _SCA,
    'sca/sca_hrnet18_nyud-csam-only.py': _SCA,
    'sca/sca_hrnet18_nyud-ctam-only.py': _SCA,
    'sca/sca_hrnet18_nyud-no-windows.py': _SCA,
    'sca/sca_hrnet18_nyud-scale-first.py': _SCA,
    'sca/sca_swin-t_nyud.py': _SCA,
    'sca/sca_hrnet18_pascal-context-2task.py': dict(semseg=1.1, normals=40.0),
    'demt/demt_swin-t_rooms-pascal-context.py': dict(
        semseg=1.0, human_parts=2.0, saliency=5.0, normals=1.0, edge=5.0
    ),
    'baselines/fcn-multi_swin-t_rooms-taskonomy.py': WEIGHTS['taskonomy'],
    'baselines/fcn-multi_efficientnet-lite0_rooms-varied.py': {
        **WEIGHTS['taskonomy'],
        **dict(edge=5.0, saliency=1.0, human_parts=2.0),
    },
    'sca/sca_efficientnet-lite0_nyud.py': _SCA,
}
# One config of each data set whose training crops windows.
CROPPED = [
    'demt/demt_swin-t_nyud.py',
    'demt/demt_swin-t_pascal-context.py',
    'demt/demt_swin-t_rooms.py',
    'demt/demt_swin-t_rooms-pascal-context.py',
    'mult/mult_swin-t_nyud.py',
    'mult/mult_swin-t_pascal-context.py',
    'mult/mult_swin-t_taskonomy.py',
    'mult/mult_swin-t_replica.py',
    'baselines/fcn-multi_swin-t_cityscapes.py',
]
# No larger than half of random_view's image, which transforms may halve.
SMALL = (48, 64)
WITHOUT_LEARNED_WEIGHTS = (
    'mult/mult_swin-t_nyud-semseg-released.py',
    'mult/mult_swin-t_nyud-semseg-depth-released.py',
    'mult/mult_swin-t_rooms-4task.py',
    'mult/mult_efficientnet-lite0_rooms-4task.py',
)
CHANNELS = {'nyud': (40, 1, 3, 1), 'pascal-context': (21, 7, 2, 3, 1)}


def load(leaf: str) -> Config:
    cfg = load_config(ROOT / leaf)
    if cfg.model.get('lora'):
        pytest.importorskip('peft', reason='pip install mmmtl[lora]')
    return cfg


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def closed_form(width: int, channels: tuple[int, ...], pyramid: int) -> int:
    """Parameters of DeMT's neck and head.

    With d the width, T tasks and o = Cin // 8 channels before the outputs:
    (Cin d + 3d) + T (d^2 + 3d + d^2 + d + 162d + 18 + 164d + 2d)
    + (1 + T)(4d^2 + 4d) + (1 + T)(d^2 + 3d) + T (9do + 2o) + sum (o + 1) c.
    """
    d, tasks, o = width, len(channels), pyramid // 8
    mixer = 2 * d * d + 4 * d + 162 * d + 18 + 164 * d + 2 * d
    return (
        pyramid * d
        + 3 * d
        + tasks * mixer
        + (1 + tasks) * (4 * d * d + 4 * d)
        + (1 + tasks) * (d * d + 3 * d)
        + tasks * (9 * d * o + 2 * o)
        + sum((o + 1) * c for c in channels)
    )


def mqtransformer_closed_form(
    width: int, queries: int, channels: tuple[int, ...], pyramid: int
) -> int:
    """Parameters of MQTransformer's head with four heads.

    With d the width and Q queries, an attention has A = 4d^2 + 7d (three
    norms, four projections, one bias), an MLP of hidden width kd
    M(k) = 2kd^2 + (k + 3)d. Shared by the tasks: encoder A + 2d + d^2 + M(1),
    exchange (4d^2 + 4d) + 2d + M(1), decoder A + (4d^2 + 4d) + 2 M(3). Per
    task: projection Cin d + d, queries Qd + 2Qd/4, and with o = d / 4 the
    output 9do + 2o + (o + 1)c.
    """
    d, o = width, width // 4
    attention, plain_attention = 4 * d * d + 7 * d, 4 * d * d + 4 * d

    def mlp(k: int) -> int:
        return 2 * k * d * d + (k + 3) * d

    shared = (attention + 2 * d + d * d + mlp(1)) + (
        plain_attention + 2 * d + mlp(1)
    )
    shared += attention + plain_attention + 2 * mlp(3)
    own = pyramid * d + d + queries * d + queries * d // 2
    own += 9 * d * o + 2 * o
    return shared + len(channels) * own + sum((o + 1) * c for c in channels)


def build_meta(cfg: Config) -> Any:
    """Build without memory: a Swin-L would take 800 MB and seconds."""
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'), _RealLinspace():
        return build_in_scope(MODELS, cfg.model)


class _RealLinspace(TorchFunctionMode):
    """Networks read their drop rates, numbers, out of a tensor."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        device = dict(device='cpu') if func is torch.linspace else {}
        return func(*args, **{**(kwargs or {}), **device})


def shrink(cfg: Config) -> Config:
    """The same parts in the same order, of a few channels."""
    backbone, pyramid = cfg.model.backbone, [8, 16, 32, 64]
    backbone.init_cfg = None
    if backbone.type == 'SwinTransformer':
        backbone.update(
            embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]
        )
        backbone.window_size = 2
    elif backbone.type == 'HRNet':
        for stage in ('stage2', 'stage3', 'stage4'):
            widths = pyramid[: backbone.extra[stage].num_branches]
            backbone.extra[stage].update(
                num_modules=1,
                num_blocks=[1] * len(widths),
                num_channels=widths,
            )
    elif backbone.get('model_name') != 'tf_efficientnet_lite0':  # it is small
        pyramid = shrink_foundation(backbone)
    head, necks = cfg.model.decode_head, necks_of(cfg)
    for neck in necks:
        if neck.type == 'LevelProjection':
            neck.out_channels = pyramid
        elif neck.type == 'Feature2Pyramid':
            neck.embed_dim = pyramid[0]
    if head.type == 'PerTaskHeads':
        # Wide enough that no pixel has every ReLU at 0: a normal has a length.
        fused = any(neck.type == 'PyramidFusion' for neck in necks)
        head.update(in_channels=[96] if fused else pyramid, channels=64)
    elif head.type == 'MultiQueryHead':
        head.update(in_channels=pyramid, channels=16, num_queries=4)
        head.bottleneck_channels = 32
    elif head.type == 'SharedAttentionHead':
        head.update(in_channels=pyramid, num_heads=[1, 1, 2, 2], window_size=2)
    elif head.type == 'SequentialCrossAttentionHead':
        neck = necks[-1] if necks else {}
        neck.update(in_channels=pyramid)
        doubled = [2 * width for width in pyramid]
        head.in_channels = doubled if neck.get('concat') else pyramid
        if head.get('channels') is not None:
            head.channels = pyramid
    else:
        necks[-1].update(in_channels=pyramid, channels=16)
        head.update(channels=16, bottleneck_channels=32)
    return cfg


def shrink_foundation(backbone: Any) -> list[int]:
    """Shrink a backbone in place, and return the widths of its levels."""
    widths = [8, 16, 32, 64]
    kind = backbone.get('model_name') or backbone.type
    if kind == 'MixVisionTransformer':
        backbone.update(
            embed_dims=8, num_layers=[1] * 4, num_heads=[1, 2, 4, 8]
        )
    elif kind == 'mmpretrain.ConvNeXt':
        backbone.arch = dict(depths=[1] * 4, channels=widths)
    elif kind == 'convnext_tiny':
        backbone.update(depths=(1,) * 4, dims=widths)
    elif kind == 'mmpretrain.VisionTransformer':
        widths = [16] * 4
        backbone.out_indices = [0, 1, 2, 3]
        backbone.arch = dict(
            embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32
        )
    elif kind == 'vit_small_patch16_dinov3':
        widths = [16] * 4
        backbone.update(embed_dim=16, depth=4, num_heads=2)
        backbone.out_indices = (0, 1, 2, 3)
    else:
        raise NotImplementedError(f'shrink a {kind} here')
    return widths


def test_there_are_configs() -> None:
    assert {f'demt/demt_{b}_{d}.py' for b, d in HEADS} <= set(LEAVES)
    assert 'demt/demt_swin-t_rooms.py' in LEAVES
    assert 'demt/demt_swin-t_rooms-pascal-context.py' in LEAVES
    assert 'mqtransformer/mqtransformer_swin-t_rooms.py' in LEAVES


@pytest.mark.parametrize('leaf', LEAVES)
def test_house_style(leaf: str) -> None:
    """Short, named by method, backbone and data set, two levels deep."""
    method, name = leaf.split('/')
    method = METHODS.get(method, method)
    pattern = rf'{method}_[a-z0-9-]+_[a-z0-9-]+(-[a-z0-9-]+)?\.py'
    assert re.fullmatch(pattern, name)
    text = (ROOT / leaf).read_text()
    assert len(text.splitlines()) <= 41
    assert not re.search(r'^(if|for|def|import|from)\b', text, re.M)

    def depth(path: Path) -> int:
        bases = [path.parent / base for base in bases_of(path)]
        return max((1 + depth(base) for base in bases), default=0)

    assert depth(ROOT / leaf) <= 2


def bases_of(path: Path) -> list[str]:
    namespace: dict[str, Any] = {}
    found = re.search(
        r"^_base_ = (\[.*?\]|'.*?')", path.read_text(), re.M | re.S
    )
    if found:
        exec(found[0], namespace)
    bases = namespace.get('_base_', [])
    return [bases] if isinstance(bases, str) else bases


@pytest.mark.parametrize('leaf', LEAVES)
def test_the_default_scope_is_ours(leaf: str) -> None:
    assert load(leaf).default_scope == 'mmmtl'


@pytest.mark.parametrize('leaf', DEMT + MQTRANSFORMER)
def test_tasks_agree_throughout(leaf: str) -> None:
    cfg = load(leaf)
    tasks = list(cfg.tasks)
    for neck in necks_of(cfg):
        if neck.type not in ('LevelProjection', 'Feature2Pyramid'):
            assert list(neck.tasks) == tasks
    assert list(cfg.model.decode_head.tasks) == tasks
    assert set(tasks) <= set(TASKS)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert list(cfg[loader].dataset.tasks) == tasks


@pytest.mark.parametrize('leaf', BASELINES)
def test_tasks_of_baselines_agree_throughout(leaf: str) -> None:
    cfg = load(leaf)
    assert list(cfg.model.decode_head.tasks) == list(cfg.tasks)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if loader in cfg:
            sets = data_sets(cfg[loader])
            assert {t for data in sets for t in data.tasks} == set(cfg.tasks)


@pytest.mark.parametrize('leaf', LEAVES)
def test_every_task_has_the_weight_of_its_recipe(leaf: str) -> None:
    model = build_in_scope(MODELS, shrink(load(leaf)).model)
    weighting, tasks = model.loss_weighting, model.decode_head.supervised_tasks
    if leaf.startswith('mult/') and leaf not in WITHOUT_LEARNED_WEIGHTS:
        assert isinstance(weighting, UncertaintyWeighting)
        assert set(weighting.log_variances) == set(tasks)
        return
    assert isinstance(weighting, FixedWeighting)
    dataset = next(name for name in WEIGHTS if f'_{name}' in leaf)
    recipe = OWN_WEIGHTS.get(leaf, WEIGHTS[dataset])
    assert weighting.weights == {task: recipe[task] for task in tasks}


def test_a_weight_is_changed_with_one_option() -> None:
    cfg = load('demt/demt_swin-t_nyud.py')
    cfg.merge_from_dict({'model.decode_head.tasks.edge.weight': 95})
    model = build_in_scope(MODELS, shrink(cfg).model)
    found = model.loss_weighting.weights
    assert found == dict(semseg=1.0, depth=1.0, normals=10.0, edge=95.0)


def random_view() -> dict[str, Any]:
    """An image of 96x128, labelled everywhere."""
    rng = np.random.default_rng(0)
    size = (96, 128)
    return dict(
        img=rng.integers(256, size=(*size, 3), dtype=np.uint8),
        img_shape=size,
        ori_shape=size,
        labels=dict(semseg=rng.integers(9, size=size, dtype=np.uint8)),
    )


@pytest.mark.parametrize('leaf', CROPPED)
def test_one_option_changes_the_crop_size(leaf: str) -> None:
    """The pad after it follows, so that no padding without label appears."""
    cfg = load(leaf)
    kinds = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    place = kinds.index('MultiTaskRandomCrop')
    cfg.merge_from_dict(
        {f'train_dataloader.dataset.pipeline.{place}.crop_size': SMALL}
    )
    results = random_view()
    for step in cfg.train_dataloader.dataset.pipeline:
        if not step.type.startswith('Load'):
            # Not turned: what is outside of the picture has no label.
            still = dict(degrees=0) if 'degrees' in step else {}
            results = build_in_scope(TRANSFORMS, step | still)(results)
    assert results['inputs'].shape == (3, *SMALL)
    semseg = results['data_samples'].get_gt('semseg')
    assert semseg.shape == (1, *SMALL)
    assert (semseg != 255).all()


@pytest.mark.parametrize('leaf', LEAVES)
def test_boundaries_are_measured_as_published(leaf: str) -> None:
    """Both protocols on the real data sets, on the images of the papers.

    Rooms are measured whole; no other data set has boundaries.
    """
    cfg = load(leaf)
    metrics = (cfg.get('test_evaluator') or {}).get('metrics', [])
    found = [
        (m.get('protocol', 'berkeley'), m.get('ids'), m.max_dist)
        for m in metrics
        if m['type'] == 'BoundaryMetric'
    ]
    if 'edge' not in cfg.tasks:
        assert found == []
        return
    ids, max_dist = {
        'NYUDv2Dataset': (None, 0.011),
        'FolderDataset': (None, 0.011),
        'PascalContextMTDataset': ('pascal_context_seism', 0.0075),
    }[cfg.dataset_type]
    if 'rooms' in leaf:
        assert found == [('berkeley', None, max_dist)]
    else:
        assert found == [
            ('berkeley', ids, max_dist),
            ('seism', ids, max_dist),
        ]


@pytest.mark.parametrize(('multi', 'task'), SINGLES)
def test_a_single_task_model_is_the_multi_task_one_with_one_task(
    multi: str, task: str
) -> None:
    """And all else of the recipe stays."""
    cfg = load(multi)
    single = single_task_config(load(multi), task)
    assert task in cfg.tasks
    assert single.tasks == single.completed_tasks == [task]
    assert dict(single.model.decode_head.tasks) == {
        task: cfg.model.decode_head.tasks[task]
    }
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert single[loader].dataset.tasks == [task]
        single[loader].dataset.tasks = cfg[loader].dataset.tasks
        assert single[loader] == cfg[loader]
    for evaluator in (single.val_evaluator, single.test_evaluator):
        metrics = [
            build_in_scope(METRICS, dict(metric))
            for metric in evaluator.metrics
        ]
        assert {metric.task for metric in metrics} == {task}
    # Testing measures what models are compared by.
    reports = {name for metric in metrics for name in metric.reports}
    assert primary_metric(task).name in reports
    changed = ('tasks', 'completed_tasks', 'model')
    changed += ('val_evaluator', 'test_evaluator')
    for key in cfg:
        if key not in changed and not key.endswith('_dataloader'):
            assert single[key] == cfg[key], key


@pytest.mark.parametrize(('backbone', 'dataset'), FCN_HEADS)
def test_sizes_of_the_fcn_baseline(backbone: str, dataset: str) -> None:
    """With o = Cin // 4: T (9 Cin o + 2 o) + sum (o + 1) c."""
    cfg = load(f'baselines/fcn-multi_{backbone}_{dataset}.py')
    cfg.model.decode_head.channels = None
    model = build_meta(cfg)
    pyramid = sum(cfg.model.decode_head.in_channels)
    o, channels = pyramid // 4, CHANNELS[dataset]
    head = count(model.decode_head)
    assert head == FCN_HEADS[backbone, dataset]
    assert head == len(channels) * (9 * pyramid * o + 2 * o) + sum(
        (o + 1) * c for c in channels
    )
    assert count(model) == BACKBONES[backbone] + head


@pytest.mark.parametrize(
    ('leaf', 'millions'),
    [
        ('fcn-multi_hrnet18_nyud', 4.516),
        ('fcn-multi_hrnet18_pascal-context', 4.678),
        ('fcn-multi_hrnet48_nyud', 70.000),
        ('fcn-multi_hrnet48_pascal-context', 71.165),
        ('fcn-multi_swin-t_nyud', 32.502),
        ('fcn-multi_swin-s_nyud', 53.820),
        ('fcn-multi_swin-s_pascal-context', 55.064),
        ('fcn-multi_swin-b_nyud', 93.386),
        ('fcn-multi_swin-b_pascal-context', 95.044),
    ],
)
def test_sizes_of_the_baselines_as_configured(
    leaf: str, millions: float
) -> None:
    model = build_meta(load(f'baselines/{leaf}.py'))
    assert round(count(model) / 1e6, 3) == millions


@pytest.mark.parametrize(('backbone', 'dataset'), HEADS)
def test_sizes_are_the_released_ones(backbone: str, dataset: str) -> None:
    cfg = load(f'demt/demt_{backbone}_{dataset}.py')
    model = build_meta(cfg)
    head = count(model.neck) + count(model.decode_head)
    assert count(model.backbone) == BACKBONES[backbone]
    assert head == HEADS[backbone, dataset]
    pyramid = sum(cfg.model.neck.in_channels)
    assert head == closed_form(256, CHANNELS[dataset], pyramid)
    assert count(model) == BACKBONES[backbone] + head


@pytest.mark.parametrize(('backbone', 'dataset'), MQTRANSFORMER_HEADS)
def test_sizes_of_mqtransformer(backbone: str, dataset: str) -> None:
    """The released head without the parameters it never uses."""
    cfg = load(f'mqtransformer/mqtransformer_{backbone}_{dataset}.py')
    model = build_meta(cfg)
    head = count(model.decode_head)
    pyramid = sum(cfg.model.decode_head.in_channels)
    assert head == mqtransformer_closed_form(
        256, 64, CHANNELS[dataset], pyramid
    )
    assert MQTRANSFORMER_DEAD == 1_313_728
    released = MQTRANSFORMER_HEADS[backbone, dataset]
    assert head == released - MQTRANSFORMER_DEAD
    assert count(model) == BACKBONES[backbone] + head


@pytest.mark.parametrize(
    ('dataset', 'millions'), [('nyud', 4.765), ('pascal-context', 4.961)]
)
def test_hrnet18_at_the_published_width(dataset: str, millions: float) -> None:
    """The published 4.76 M is that of width 128."""
    model = build_meta(load(f'demt/demt_hrnet18_{dataset}-width128.py'))
    head = count(model.neck) + count(model.decode_head)
    assert head == closed_form(128, CHANNELS[dataset], 270)
    assert round(count(model) / 1e6, 3) == millions


def difference(leaf: str, base: str) -> int:
    """Parameters that a config has more than another."""
    return count(build_meta(load(leaf))) - count(build_meta(load(base)))


# With d = 256: an attention 4 d^2 + 4 d, a linear map with norm d^2 + 3 d,
# MQTransformer's own attention 4 d^2 + 7 d, an MLP as in its closed form.
D = 256
MIXER = 2 * D * D + 4 * D + 162 * D + 18 + 164 * D + 2 * D
WITH_NORM = (4 * D * D + 4 * D) + (D * D + 3 * D)
EXCHANGE = (4 * D * D + 4 * D) + 2 * D + (2 * D * D + 4 * D)
ENCODER = (4 * D * D + 7 * D) + 2 * D + D * D + (2 * D * D + 4 * D)
DECODER = (4 * D * D + 7 * D) + (4 * D * D + 4 * D) + 2 * (6 * D * D + 6 * D)


@pytest.mark.parametrize(
    ('leaf', 'more'),
    [
        ('demt/demt_swin-t_nyud-mixer-depth2', 4 * MIXER),
        ('demt/demt_swin-t_nyud-no-mixer', -4 * MIXER),
        ('demt/demt_swin-t_nyud-no-interaction', -WITH_NORM),
        ('demt/demt_swin-t_nyud-no-queries', -4 * WITH_NORM),
        (
            'mqtransformer/mqtransformer_swin-t_nyud-16queries',
            # Queries and two positions of a quarter of the width.
            -4 * 48 * (D + D // 2),
        ),
        (
            'mqtransformer/mqtransformer_swin-t_nyud-separate',
            3 * (ENCODER + DECODER),
        ),
        ('mqtransformer/mqtransformer_swin-t_nyud-no-cross-task', -EXCHANGE),
    ],
)
def test_sizes_of_ablations(leaf: str, more: int) -> None:
    base = re.sub(r'_nyud-.*', '_nyud', leaf)
    assert difference(f'{leaf}.py', f'{base}.py') == more


def test_two_mixer_blocks_have_the_measured_size() -> None:
    """Not the 36.6 M of the published row."""
    model = build_meta(load('demt/demt_swin-t_nyud-mixer-depth2.py'))
    assert round(count(model) / 1e6, 3) == 32.935


@pytest.mark.parametrize('method', ['demt', 'mqtransformer', 'baselines'])
def test_metafile_lists_every_config_with_its_size(method: str) -> None:
    """Not rooms, which are for trying out."""
    text = (ROOT / method / 'metafile.yml').read_text()
    models = yaml.safe_load(text)['Models']
    listed = [model['Config'].removeprefix('configs/') for model in models]
    assert sorted(listed) == [
        leaf
        for leaf in LEAVES
        if leaf.startswith(f'{method}/') and '_rooms' not in leaf
    ]
    for model, leaf in zip(models, listed, strict=True):
        assert model['Name'] == Path(leaf).stem
        size = count(build_meta(load(leaf)))
        assert model['Metadata']['Parameters'] == size, leaf


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_tiny_one_trains_and_predicts(leaf: str) -> None:
    train_and_predict(load(leaf))


@pytest.mark.parametrize(('multi', 'task'), SINGLES)
def test_a_tiny_one_of_one_task_trains_and_predicts(
    multi: str, task: str
) -> None:
    train_and_predict(single_task_config(load(multi), task))


def train_and_predict(cfg: Config) -> None:
    """Finite losses, a gradient for every parameter, valid predictions."""
    cfg = shrink(cfg)
    model = revert_sync_batchnorm(build_in_scope(MODELS, cfg.model))
    classes = {
        task: output.channels
        for task, output in model.decode_head.outputs.items()
    }
    size = (64, 96)
    batch = random_batch(model.tasks, 2, size, classes)
    data = model.data_preprocessor(batch, True)
    total, log = model.parse_losses(model(**data, mode='loss'))
    assert all(value.isfinite().all() for value in log.values())
    total.backward()
    missing = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    assert missing == []
    for sample in model.eval().test_step(batch):
        for task in model.tasks:
            check_prediction(task, sample.get_pred(task), size, classes[task])


def check_prediction(
    task: str, found: torch.Tensor, size: tuple[int, int], classes: int
) -> None:
    row = get_task(task)
    assert found.shape == (row.kind.components, *size)
    assert found.dtype == row.kind.pred_dtype
    assert found.isfinite().all()
    low, high = {
        'classes': (0, classes - 1),
        'binary': (0, 1),
        'depth': (0, float('inf')),
        'normals': (-1, 1),
        'scalar': (-float('inf'), float('inf')),  # not clamped
    }[row.kind_name]
    assert found.min() >= low - 1e-6
    assert found.max() <= high + 1e-6
    if row.kind_name == 'normals':
        assert torch.allclose(found.norm(dim=0), torch.ones(size), atol=1e-4)
