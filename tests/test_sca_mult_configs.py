"""What the configs of SCA-MTL and MulT promise: sizes, tasks, recipes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope

from mmmtl.registry import MODELS, build_in_scope
from mmmtl.tasks import TASKS
from tests.test_configs import (
    BACKBONES,
    LEAVES,
    build_meta,
    count,
    load,
    shrink,
)

SCA = [leaf for leaf in LEAVES if leaf.startswith('sca/')]
MULT = [leaf for leaf in LEAVES if leaf.startswith('mult/')]
AUTHORS_ORDER = (
    'semseg',
    'human_parts',
    'saliency',
    'normals',
    'edge',
    'depth',
)
WIDTHS = {'swin-t': 96, 'swin-s': 96, 'swin-b': 128, 'swin-l': 192}


def test_there_are_the_published_models_and_small_ones() -> None:
    assert {
        'sca/sca_hrnet18_nyud.py',
        'sca/sca_hrnet18_nyud-4task.py',
        'sca/sca_hrnet18_nyud-aux.py',
        'sca/sca_hrnet18_nyud-aux-normals.py',
        'sca/sca_hrnet18_nyud-csam-only.py',
        'sca/sca_hrnet18_nyud-ctam-only.py',
        'sca/sca_hrnet18_nyud-no-windows.py',
        'sca/sca_hrnet18_nyud-scale-first.py',
        'sca/sca_hrnet18_pascal-context.py',
        'sca/sca_hrnet18_pascal-context-2task.py',
        'sca/sca_hrnet18_pascal-context-3task.py',
        'sca/sca_hrnet18_rooms.py',
        'sca/sca_swin-t_nyud.py',
        'sca/sca_efficientnet-lite0_nyud.py',
        'sca/sca_efficientnet-lite0_pascal-context.py',
        'sca/sca_efficientnet-lite0_rooms.py',
    } == set(SCA)
    assert {
        'mult/mult_swin-l_taskonomy.py',
        'mult/mult_swin-b_taskonomy.py',
        'mult/mult_swin-t_taskonomy.py',
        'mult/mult_swin-t_replica.py',
        'mult/mult_swin-t_cocodoom.py',
        'mult/mult_swin-t_nyud-reference-depth.py',
        'mult/mult_swin-b_nyud.py',
        'mult/mult_swin-l_nyud.py',
        'mult/mult_swin-t_nyud.py',
        'mult/mult_swin-t_nyud-semseg-released.py',
        'mult/mult_swin-t_nyud-semseg-depth-released.py',
        'mult/mult_swin-t_nyud-unshared.py',
        'mult/mult_swin-t_pascal-context.py',
        'mult/mult_swin-t_rooms.py',
    } <= set(MULT)


@pytest.mark.parametrize('leaf', [*SCA, *MULT])
def test_tasks_agree_throughout(leaf: str) -> None:
    cfg = load(leaf)
    tasks = list(cfg.tasks)
    assert list(cfg.model.decode_head.tasks) == tasks
    auxiliary = list(cfg.model.decode_head.get('auxiliary_tasks', {}))
    supervised = [*tasks, *auxiliary]
    assert set(supervised) <= set(TASKS)
    for part in ('train', 'val', 'test'):
        wanted = supervised if part == 'train' else tasks
        assert list(cfg[f'{part}_dataloader'].dataset.tasks) == wanted
        classes = cfg[f'{part}_dataloader'].dataset.get('metainfo', {})
        # CocoDoom's are in a file of its folder.
        if not isinstance(classes.get('classes', ''), str):
            head = cfg.model.decode_head.tasks.semseg
            assert len(classes['classes']) == head.out_channels


@pytest.mark.parametrize('leaf', [*SCA, *MULT])
def test_every_task_is_measured_and_nothing_else(leaf: str) -> None:
    cfg = load(leaf)
    task_of = {
        'SegmentationMetric': 'semseg',
        'DepthErrorMetric': 'depth',
        'NormalsMetric': 'normals',
        'PixelEdgeMetric': 'edge',
        'BoundaryMetric': 'edge',
        'SaliencyMetric': 'saliency',
    }
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        measured = {
            metric.get('task') or task_of[metric.type]
            for metric in evaluator.metrics
        }
        assert measured == set(cfg.tasks)


@pytest.mark.parametrize('leaf', SCA)
def test_tasks_of_sca_are_in_the_authors_order(leaf: str) -> None:
    """It is the order of the channels in every concatenation."""
    tasks = list(load(leaf).tasks)
    assert tasks == [task for task in AUTHORS_ORDER if task in tasks]


# Counted on the released code, less norms that it never uses.
@pytest.mark.parametrize(
    ('leaf', 'parameters'),
    [
        ('sca_hrnet18_nyud', 25_760_549),
        ('sca_hrnet18_nyud-4task', 56_367_543),
        ('sca_hrnet18_pascal-context-2task', 25_732_924),
        ('sca_hrnet18_pascal-context-3task', 39_940_776),
        ('sca_hrnet18_pascal-context', 74_949_850),
    ],
)
def test_sizes_of_sca_are_the_released_ones(
    leaf: str, parameters: int
) -> None:
    model = build_meta(load(f'sca/{leaf}.py'))
    assert count(model.backbone) == BACKBONES['hrnet18']
    assert count(model) == parameters


def test_sca_on_swin_has_the_published_head_behind_projections() -> None:
    """Each level adds a 1x1 convolution 2 C -> c; the neck depends on C."""
    swin = build_meta(load('sca/sca_swin-t_nyud.py'))
    hrnet = build_meta(load('sca/sca_hrnet18_nyud.py'))
    widths = zip((96, 192, 384, 768), (36, 72, 144, 288), strict=True)
    projections = sum(2 * wide * narrow + narrow for wide, narrow in widths)
    assert count(swin.decode_head) == count(hrnet.decode_head) + projections
    assert count(swin.backbone) == BACKBONES['swin-t']


def test_sizes_of_scas_ablations() -> None:
    """C = (36, 72, 144, 288), two tasks; an attention is 5 (C^2 + 2 C)."""
    leaf = 'sca/sca_hrnet18_nyud{}.py'
    full = build_meta(load(leaf.format('')))
    head, total = full.decode_head, count(full)

    def size(variant: str) -> int:
        return count(build_meta(load(leaf.format(f'-{variant}'))))

    assert size('scale-first') == total
    assert size('csam-only') == total - count(head.interactions)
    # A final head of 540 channels in the place of 1080, for 40 + 1 outputs.
    narrower = 2 * (1081 * 1080 - 541 * 540 + 2 * 540) + 540 * 41
    scales = sum(count(a.cross_scale) for a in head.aggregations.values())
    assert size('ctam-only') == total - scales - narrower
    # From 18, 36, .. to 36, 72, ..: a 1x1 convolution with bias per level.
    projections = sum((c // 2 + 1) * c for c in head.channels)
    assert size('no-windows') == total - count(full.neck) + projections


def stages(backbone: str) -> list[tuple[int, int]]:
    """Return width and heads by stage, coarsest first."""
    return [
        (d, d // 32) for d in (WIDTHS[backbone] * 2**i for i in (3, 2, 1, 0))
    ]


def upsamplers(backbone: str) -> int:
    return sum(2 * d + d * d // 2 for d, _ in stages(backbone)[:-1])


def outputs(backbone: str, channels: Sequence[int]) -> int:
    return sum((WIDTHS[backbone] + 1) * c for c in channels)


def full_blocks(backbone: str) -> int:
    """Parameters of one block with a map of its own in every stage."""
    return sum(12 * d * d + 13 * d + 169 * h for d, h in stages(backbone))


def guest_blocks(backbone: str) -> int:
    """The same of a block that uses another one's map."""
    return sum(10 * d * d + 11 * d for d, _ in stages(backbone))


# Blocks of the first and of every further task, in units of the two above:
# the map of a shared block is counted with the first task.
@pytest.mark.parametrize(
    ('leaf', 'backbone', 'channels', 'guests'),
    [
        ('swin-t_nyud', 'swin-t', (40, 1, 3, 1), 1),
        ('swin-b_nyud', 'swin-b', (40, 1, 3, 1), 1),
        ('swin-l_nyud', 'swin-l', (40, 1, 3, 1), 1),
        ('swin-t_nyud-reference-depth', 'swin-t', (40, 1, 3, 1), 2),
        ('swin-t_taskonomy', 'swin-t', (17, 1, 3, 1, 1, 1), 1),
        ('swin-b_taskonomy', 'swin-b', (17, 1, 3, 1, 1, 1), 1),
        ('swin-l_taskonomy', 'swin-l', (17, 1, 3, 1, 1, 1), 1),
        ('swin-t_replica', 'swin-t', (101, 1, 3, 1, 1, 1), 1),
        ('swin-t_cocodoom', 'swin-t', (138, 1, 3, 1, 1, 1), 1),
        ('swin-t_pascal-context', 'swin-t', (21, 7, 2, 3, 1), 1),
        ('swin-t_rooms', 'swin-t', (15, 1, 3, 1, 1, 1), 1),
        ('swin-t_nyud-unshared', 'swin-t', (40, 1, 3, 1), 0),
        ('swin-l_taskonomy-unshared', 'swin-l', (17, 1, 3, 1, 1, 1), 0),
        ('swin-t_nyud-semseg-released', 'swin-t', (41,), 0),
        ('swin-t_nyud-semseg-depth-released', 'swin-t', (41, 1), 2),
    ],
)
def test_sizes_of_mult_follow_the_closed_form(
    leaf: str, backbone: str, channels: tuple[int, ...], guests: int
) -> None:
    model = build_meta(load(f'mult/mult_{leaf}.py'))
    own, guest = full_blocks(backbone), guest_blocks(backbone)
    further = len(channels) - 1
    want = (
        2 * own
        + further * ((2 - guests) * own + guests * guest)
        + len(channels) * upsamplers(backbone)
        + outputs(backbone, channels)
    )
    assert count(model.decode_head) == want
    assert count(model.backbone) == BACKBONES[backbone]


# Counted on the released code with Swin-L; README.md gives the options.
@pytest.mark.parametrize(
    ('leaf', 'decoders'),
    [('semseg', 76_869_437), ('semseg-depth', 141_155_454)],
)
def test_released_forms_on_the_released_backbone(
    leaf: str, decoders: int
) -> None:
    cfg = load(f'mult/mult_swin-t_nyud-{leaf}-released.py')
    heads = [6, 12, 24, 48]
    cfg.model.backbone.update(
        embed_dims=192, depths=[2, 2, 18, 2], num_heads=heads
    )
    cfg.model.decode_head.update(
        in_channels=[192, 384, 768, 1536], num_heads=heads
    )
    assert count(build_meta(cfg).decode_head) == decoders


@pytest.mark.parametrize('method', ['sca', 'mult'])
def test_metafile_lists_every_config_with_its_size(
    method: str, repo_root: Path
) -> None:
    """Rooms are for trying out: they are no models to publish."""
    text = (repo_root / f'configs/{method}/metafile.yml').read_text()
    models = yaml.safe_load(text)['Models']
    listed = {model['Config'].removeprefix('configs/') for model in models}
    leaves = SCA if method == 'sca' else MULT
    assert listed == {leaf for leaf in leaves if '_rooms' not in leaf}
    for model in models:
        cfg = load(model['Config'].removeprefix('configs/'))
        found = model['Metadata']
        assert found['Parameters'] == count(build_meta(cfg))
        length = cfg.train_cfg.get('max_epochs') or cfg.train_cfg.max_iters
        assert found.get('Epochs', found.get('Iterations')) == length
    index = yaml.safe_load((repo_root / 'model-index.yml').read_text())
    assert f'configs/{method}/metafile.yml' in index['Import']


def test_auxiliary_tasks_spare_what_only_final_maps_need(
    repo_root: Path,
) -> None:
    """Final layers, and the exchange at the finest level (36 channels)."""
    text = (repo_root / 'configs/sca/metafile.yml').read_text()
    size = {
        model['Name'].removeprefix('sca_hrnet18_'): model['Metadata'][
            'Parameters'
        ]
        for model in yaml.safe_load(text)['Models']
    }
    # Of two targets with three sources: five 1x1 convolutions with norms.
    exchange = 2 * 3 * 5 * (36 * 36 + 2 * 36)
    # Attention across scales 230,112; then 1080 channels to 3 + 1 outputs.
    final = 2 * (230_112 + 1081 * 1080 + 2 * 1080) + 1081 * (3 + 1)
    assert size['nyud-4task'] - size['nyud-aux'] == exchange + final


@pytest.mark.parametrize(
    ('leaf', 'reference'), [('-reference-depth', 'depth'), ('', None)]
)
def test_maps_come_from_the_reference_task(
    leaf: str, reference: str | None
) -> None:
    """Only its stream reaches other tasks; in the paper's blocks none does."""
    cfg = shrink(load(f'mult/mult_swin-t_nyud{leaf}.py'))
    head = build_in_scope(MODELS, cfg.model).decode_head.eval()
    pyramid = [torch.randn(1, 8 << k, 16 >> k, 16 >> k) for k in range(4)]
    before = head(pyramid)
    for task in head.tasks:
        changed = copy.deepcopy(head)
        with torch.no_grad():
            for name, parameter in changed.stages.named_parameters():
                if f'.{task}.' in name:
                    parameter.mul_(1.5)
        after = changed(pyramid)
        reached = {
            other
            for other in head.tasks
            if not torch.allclose(before[other], after[other], atol=1e-6)
        }
        alone = task != reference
        assert reached == ({task} if alone else set(head.tasks)), task


def test_six_tasks_on_swin_l_have_625_million() -> None:
    total = count(build_meta(load('mult/mult_swin-l_taskonomy.py')))
    assert round(total / 1e6) == 625


def rates(cfg: Config, steps: Sequence[int]) -> list[float]:
    """Return the factor of the learning rate before each of these steps."""
    parameter = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    with DefaultScope.overwrite_default_scope('mmmtl'):
        schedulers = [
            PARAM_SCHEDULERS.build(dict(item, optimizer=optimizer))
            for item in cfg.param_scheduler
        ]
    found = []
    for step in range(max(steps) + 1):
        if step in steps:
            found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ('leaf', 'epochs', 'batch'),
    [
        ('sca_hrnet18_nyud', 100, 10),
        ('sca_hrnet18_nyud-4task', 100, 10),
        ('sca_hrnet18_nyud-aux', 100, 10),
        ('sca_hrnet18_nyud-aux-normals', 100, 8),
        ('sca_hrnet18_nyud-ctam-only', 100, 10),
        ('sca_swin-t_nyud', 100, 10),
        ('sca_hrnet18_pascal-context', 100, 16),
        ('sca_hrnet18_pascal-context-2task', 100, 16),
        ('sca_hrnet18_pascal-context-3task', 80, 8),
    ],
)
def test_recipe_of_sca(leaf: str, epochs: int, batch: int) -> None:
    cfg = load(f'sca/{leaf}.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.to_dict() == dict(type='Adam', lr=1e-4, weight_decay=1e-4)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.train_dataloader.batch_size == batch
    assert cfg.train_dataloader.drop_last
    # An endless sampler would make the first epoch the last.
    assert cfg.train_dataloader.sampler.type == 'DefaultSampler'
    assert cfg.log_processor.by_epoch
    asked = [0, 1, epochs // 2, epochs - 1]
    assert rates(cfg, asked) == pytest.approx(
        [(1 - epoch / epochs) ** 0.9 for epoch in asked]
    )
    assert all(item.by_epoch for item in cfg.param_scheduler)
    # Every one of the last ten epochs is validated.
    assert cfg.train_cfg.dynamic_intervals == [(epochs - 9, 1)]
    assert cfg.default_hooks.checkpoint.last_epochs == 10


@pytest.mark.parametrize(
    ('leaf', 'lr'),
    [
        ('swin-t_nyud', 6e-5),
        ('swin-l_taskonomy', 6e-5),
        ('swin-t_replica', 6e-5),
        ('swin-t_cocodoom', 6e-5),
        ('swin-t_nyud-semseg-released', 6e-6),
        ('swin-t_nyud-semseg-depth-released', 6e-6),
    ],
)
def test_recipe_of_mult(leaf: str, lr: float) -> None:
    """Before mmengine: poly times (1 - (1 - s / 1500)(1 - 1e-6))."""
    cfg = load(f'mult/mult_{leaf}.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.type == 'AdamW'
    assert (optimizer.lr, optimizer.weight_decay) == (lr, 0.01)
    assert cfg.train_cfg.max_iters == 40_000
    assert cfg.train_dataloader.batch_size * 2 == 8
    assert cfg.auto_scale_lr.base_batch_size == 8
    asked = [0, 1, 750, 1499, 1500, 20_000, 39_999]
    want = [
        (1 - s / 40_000) * (1 - max(1 - s / 1500, 0) * (1 - 1e-6))
        for s in asked
    ]
    assert rates(cfg, asked) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    'leaf', ['mult_swin-t_nyud', 'mult_swin-t_nyud-semseg-released']
)
def test_norms_tables_and_weights_of_losses_do_not_decay(leaf: str) -> None:
    """`normals` has "norm" in its name, and its decoder does decay."""
    cfg = load(f'mult/{leaf}.py')
    model = build_meta(cfg)
    with DefaultScope.overwrite_default_scope('mmmtl'):
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    decay = {
        id(parameter): group['weight_decay']
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    spared = {
        name
        for name, parameter in model.named_parameters()
        if decay[id(parameter)] == 0
    }
    norms = {
        f'{name}.{part}'
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.LayerNorm)
        for part in ('weight', 'bias')
    }
    others = {
        name
        for name, _ in model.named_parameters()
        if name.endswith('table') or 'log_variances' in name
    }
    assert spared == norms | others
    assert len(others) >= 12 + 8  # tables of the encoder and of a decoder
    assert set(decay.values()) == {0.0, 0.01}


@pytest.mark.parametrize('leaf', SCA)
def test_saliency_of_this_family_is_one_sigmoid_channel(leaf: str) -> None:
    task = load(leaf).model.decode_head.tasks.get('saliency')
    assert task is None or task.out_channels == 1


@pytest.mark.parametrize('leaf', SCA)
def test_sca_is_measured_as_its_authors_publish_it(leaf: str) -> None:
    cfg = load(leaf)
    assert cfg.model.test_cfg.class_resize == 'nearest'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        for metric in evaluator.metrics:
            if metric.type == 'SaliencyMetric':
                assert metric.protocol == 'mti-net-files'
                assert evaluator.primary == dict(saliency='mIoU')


def test_released_mult_averages_depth_errors_over_images() -> None:
    cfg = load('mult/mult_swin-t_nyud-semseg-depth-released.py')
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        (metric,) = (
            m for m in evaluator.metrics if m.type == 'DepthErrorMetric'
        )
        assert (metric.average, metric.max_depth) == ('images', 10.0)
    # So no prediction is beyond the limits.
    assert cfg.model.decode_head.tasks.depth.max_value == 10.0


def test_the_released_loader_has_the_released_order() -> None:
    """Turn the frame, cut the box, scale depth, then the window."""
    cfg = load('mult/mult_swin-t_nyud-semseg-depth-released.py')
    steps = cfg.train_dataloader.dataset.pipeline
    assert [step.type for step in steps] == [
        'LoadImageFromFile',
        'LoadMultiTaskAnnotations',
        'LoadRawDepth',
        'ShiftClassIds',
        'MultiTaskRandomRotate',
        'MultiTaskFixedCrop',
        'ScaleDepthToRaw',
        'MultiTaskFixedCrop',
        'MultiTaskRandomCrop',
        'MultiTaskRandomFlip',
        'MultiTaskColourJitter',
        'MultiTaskChannelPermutation',
        'PackMultiTaskInputs',
    ]
    turn = steps[4]
    assert (turn.degrees, turn.prob, turn.fill) == (2.5, 1.0, (0, 0, 0))
