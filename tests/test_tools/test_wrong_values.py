"""Values of a config that cannot work end in one line that names the place.

Nearly all of them are noticed by somebody else: PyTorch, mmengine, mmseg.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmmtl.models.losses import DepthL1Loss
from tests.test_datasets.nyud_folder import write_nyud
from tests.tiny import NYUD, demt

LOADER = 'train_dataloader'
DATA = f'{LOADER}.dataset'
STEP = f'{DATA}.pipeline'
HEAD = 'model.decode_head'
TASKS = f'{HEAD}.tasks'
WRAPPER = 'optim_wrapper'
ADAM = f'{WRAPPER}.optimizer'
HOOKS = 'default_hooks'
METRIC = 'val_evaluator.metrics.0'
LOSS_OF = 'is for tasks of kind'

#: Options, and how the line begins.
WRONG: list[tuple[str, str]] = [
    # Loaders.
    (f'{LOADER}.batch_size=0', f'{LOADER}: ValueError: batch_size'),
    (f'{LOADER}.batch_size=two', f'{LOADER}: '),
    (f'{LOADER}.num_workers=-1', f'{LOADER}: ValueError: num_workers'),
    (f'{LOADER}.num_workers=many', f'{LOADER}: TypeError: '),
    (f'{LOADER}.prefetch_factor=2', f'{LOADER}: ValueError: prefetch'),
    (f'{LOADER}.persistent_workers=True', f'{LOADER}: ValueError: persis'),
    (f'{LOADER}.suffle=True', f'{LOADER}: TypeError: DataLoader.__init__()'),
    (f'{LOADER}.timeout=-1', f'{LOADER}: ValueError: timeout'),
    (f'{LOADER}.collate_fn.type=nope', f'{LOADER}, where {LOADER}.collate_fn'),
    (f'{LOADER}.sampler.type=Nope', f'{LOADER}.sampler (Nope): KeyError: '),
    (
        f'{LOADER}.sampler.shuffled=1',
        f'{LOADER}.sampler (InfiniteSampler): Typ',
    ),
    (f'{LOADER}.batch_sampler.type=Nope', f'{LOADER}.batch_sampler (Nope): '),
    ('val_dataloader.batch_size=0', 'val_dataloader: ValueError: batch_size'),
    # Data sets and transforms.
    (f'{DATA}.type=NYUDv3Dataset', f'{DATA} (NYUDv3Dataset): KeyError: '),
    (f'{DATA}.splt=train', f'{DATA} (NYUDv2Dataset): TypeError: '),
    (f'{DATA}.split=tain', f'{DATA} (NYUDv2Dataset): split file '),
    (f'{DATA}.indices=0', f'{DATA} (NYUDv2Dataset): ValueError: '),
    (f'{DATA}.indices=[99]', f'{DATA} (NYUDv2Dataset): IndexError: '),
    (f'{DATA}.pipeline=None', f'{DATA} (NYUDv2Dataset): TypeError: '),
    (f'{STEP}.3.type=RandmFlip', f'{STEP}.3 (RandmFlip): KeyError: '),
    (f'{STEP}.3.probb=0.5', f'{STEP}.3 (MultiTaskRandomFlip): TypeError: '),
    (f'{STEP}.3.prob=2', f'{STEP}.3 (MultiTaskRandomFlip): MultiTask'),
    (f'{STEP}.3.prob=half', f'{STEP}.3 (MultiTaskRandomFlip): TypeError: '),
    (f'{STEP}.2.crop_size=big', f'{STEP}.2 (MultiTaskRandomCrop): TypeErr'),
    (f'{STEP}.2.crop_size=(9.5,9)', f'{STEP}.2 (MultiTaskRandomCrop): Typ'),
    (f'{STEP}.2.crop_size=(9,)', f'{STEP}.2 (MultiTaskRandomCrop): '),
    (f'{STEP}.2.ratio_range=(-1,1) {STEP}.2.type=MultiTaskRandomScale', ''),
    (f'{STEP}.0.color_type=colour', f'{STEP}.0 or val_dataloader.dataset'),
    # The optimizer.
    (f'{ADAM}.type=AdamX', f"{WRAPPER} (OptimWrapper), where {ADAM}.type='A"),
    (f'{ADAM}.momentun=0.9', f'{ADAM} (AdamW): TypeError: AdamW.__init__()'),
    (f'{ADAM}.lr=-1', f'{ADAM} (AdamW): ValueError: Invalid learning rate'),
    (f'{ADAM}.lr=fast', f'{ADAM} (AdamW): '),
    (f'{ADAM}.betas=(1.5,0.9)', f'{ADAM} (AdamW): ValueError: Invalid beta'),
    (f'{ADAM}.betas=(0.9,)', f'{ADAM} (AdamW): '),
    (f'{ADAM}.weight_decay=-1', f'{ADAM} (AdamW): ValueError: Invalid weig'),
    (f'{ADAM}=None', f'{WRAPPER} (OptimWrapper): ValueError: each item '),
    (f'{WRAPPER}.type=OptimWraper', f'{WRAPPER} (OptimWraper): KeyError: '),
    (f'{WRAPPER}.accumulates=2', f'{WRAPPER} (OptimWrapper): TypeError: '),
    (f'{WRAPPER}.accumulative_counts=0', f'{WRAPPER} (OptimWrapper): '),
    (f'{WRAPPER}.accumulative_counts=two', 'TypeError: '),
    (f'{WRAPPER}.clip_grad=5', f'{WRAPPER} (OptimWrapper): AssertionError: '),
    (f'{WRAPPER}.clip_grad.max_norm=big', f'{WRAPPER} (OptimWrapper): '),
    (f'{WRAPPER}.constructor=Nope', f'{WRAPPER} (OptimWrapper): KeyError: '),
    (f'{WRAPPER}.paramwise_cfg=3', f'{WRAPPER} (OptimWrapper): TypeError: '),
    ('param_scheduler.0.type=Poly', 'param_scheduler.0 (Poly): KeyError: '),
    ('param_scheduler.0.begn=0', 'param_scheduler.0 (PolyLR): TypeError: '),
    ('param_scheduler.0.begin=30', 'param_scheduler.0 (PolyLR): ValueErr'),
    ('param_scheduler=3', 'Runner: TypeError: `param_scheduler`'),
    # Loops.
    ('train_cfg.max_iters=ten', 'train_cfg (IterBasedTrainLoop): ValueErr'),
    ('train_cfg.max_iters=1.5', 'train_cfg (IterBasedTrainLoop): Asserti'),
    ('train_cfg.max_iter=3', 'train_cfg (IterBasedTrainLoop): TypeError: '),
    ('train_cfg.type=IterLoop', 'train_cfg (IterLoop): KeyError: '),
    ('train_cfg.dynamic_intervals=3', 'train_cfg (IterBasedTrainLoop): As'),
    ('train_cfg.val_begin=a', 'train_cfg (IterBasedTrainLoop): TypeError'),
    ('val_cfg.type=Nope', 'val_cfg (Nope): KeyError: '),
    ('val_cfg.foo=1', 'val_cfg (ValLoop): TypeError: '),
    ('val_cfg=None', 'Runner: ValueError: val_dataloader, val_cfg, and'),
    # The model.
    ('model.type=Nope', 'model (Nope): KeyError: '),
    ('model.backbone.depth=[1]', 'model.backbone (SwinTransformer): TypeErr'),
    ('model.backbone.depths=[1,1]', 'model.backbone (SwinTransformer): Inde'),
    ('model.backbone.window_size=0', 'model.backbone (SwinTransformer): As'),
    ('model.backbone.embed_dims=-8', 'model.backbone (SwinTransformer): Ru'),
    ('model.backbone.num_heads=[3,1,2,2]', 'model.backbone (SwinTransf'),
    ('model.backbone.act_cfg.type=GEUL', 'model.backbone.act_cfg (GEUL): '),
    ('model.neck.channels=0', 'model.neck (DeformableMixer): '),
    ('model.neck.channels=a', 'model.neck (DeformableMixer): TypeError: '),
    ('model.neck.in_channels=[8,16]', 'model.neck (DeformableMixer): zip()'),
    ('model.neck.in_channels=[9,16,32,64]', 'model.neck (DeformableMixer): '),
    ('model.neck=None', f'{HEAD} (TaskQueryHead): TypeError: '),
    (f'{HEAD}.type=Nope', f'{HEAD} (Nope): KeyError: '),
    (f'{HEAD}.channels=17', f'{HEAD} (TaskQueryHead): RuntimeError: '),
    (f'{HEAD}.num_heads=3', f'{HEAD} (TaskQueryHead): RuntimeError: '),
    (f'{HEAD}.num_heads=0', f'{HEAD} (TaskQueryHead): ZeroDivisionError: '),
    (f'{HEAD}.tasks=3', f'{HEAD} (TaskQueryHead): TypeError: '),
    (f'{HEAD}.attn_scope=all', f"{HEAD} (TaskQueryHead): attn_scope='all'"),
    (f'{TASKS}.depth.heavy=1', f'{HEAD} (TaskQueryHead): tasks.depth has '),
    (f'{TASKS}.depth.loss.type=L3', f'{TASKS}.depth.loss (L3): KeyError: '),
    (f'{TASKS}.depth.loss.lambd=1', f'{TASKS}.depth.loss (DepthL1Loss): Ty'),
    (
        f'{TASKS}.depth.loss.type=SegCrossEntropyLoss',
        f'{HEAD} (TaskQueryHead): tasks.depth.loss: SegCrossEntropyLoss is f',
    ),
    (
        f'{TASKS}.semseg.loss.type=CrossEntropyLoss',
        f'{TASKS}.semseg.loss (CrossEntropyLoss): ',
    ),
    ('model=DeMT', "AttributeError: 'str' object has no attribute 'get' in "),
    ('model.data_preprocessor.mean=[1,2]', 'model.data_preprocessor (Multi'),
    ('model.data_preprocessor.size_divisor=0', 'model.data_preprocessor ('),
    # Metrics and hooks.
    (f'{METRIC}.type=SegMetric', f'{METRIC} (SegMetric): KeyError: '),
    (f'{METRIC}.tsk=depth', f'{METRIC} (SegmentationMetric): TypeError: '),
    (f'{METRIC}.task=dept', f'{METRIC} (SegmentationMetric): unknown task'),
    (f'{METRIC}.task=depth', f"{METRIC} (SegmentationMetric): task='depth'"),
    (f'{HOOKS}.logger.type=Nope', f'{HOOKS}.logger (Nope): KeyError: '),
    (f'{HOOKS}.logger.interval=0', f'{HOOKS}.logger (LoggerHook): ValueErr'),
    (f'{HOOKS}.checkpoint.interval=a', f'{HOOKS}.checkpoint (CheckpointHook'),
    (f'{HOOKS}.checkpoint.save_best=3', f'{HOOKS}.checkpoint (CheckpointHo'),
    ('custom_hooks=3', "Runner: TypeError: 'int' object is not iterable"),
    ('log_processor.window=3', 'log_processor: TypeError: '),
    ('log_level=LOUD', 'Runner: '),
    ('randomness.sed=1', 'Runner: TypeError: '),
    ('randomness.seed=-1', 'Runner: ValueError: '),
    ('env_cfg.mp_cfg.mp_start_method=spoon', 'Runner: ValueError: '),
    ('visualizer.type=Nope', 'visualizer (Nope): KeyError: '),
    ('runner_type=Nope', 'KeyError: '),
    ('custom_imports.imports=[nope_nope]', 'ImportError: '),
]


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DeMT on two pictures, for two steps."""
    folder = tmp_path_factory.mktemp('wrong')
    write_nyud(folder / 'data', size=(32, 40))
    model = demt()
    model['decode_head']['tasks']['semseg']['out_channels'] = 40
    read = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadMultiTaskAnnotations'),
    ]
    changes = [
        dict(type='MultiTaskRandomCrop', crop_size=(32, 40)),
        dict(type='MultiTaskRandomFlip', prob=0.5),
    ]
    pack = [dict(type='PackMultiTaskInputs')]
    dataset = dict(
        type='NYUDv2Dataset', data_root=str(folder / 'data'), tasks=list(NYUD)
    )
    parts = dict(
        default_scope='mmmtl',
        env_cfg=dict(mp_cfg=dict(mp_start_method='fork')),
        model=model,
        train_dataloader=dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='InfiniteSampler', shuffle=True),
            dataset=dataset
            | dict(split='train', pipeline=read + changes + pack),
        ),
        val_dataloader=dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dataset | dict(split='val', pipeline=read + pack),
        ),
        val_evaluator=dict(
            type='MultiTaskEvaluator',
            metrics=[
                dict(type='SegmentationMetric'),
                dict(type='DepthErrorMetric'),
            ],
        ),
        optim_wrapper=dict(
            type='OptimWrapper',
            optimizer=dict(type='AdamW', lr=1e-4),
            clip_grad=dict(max_norm=5.0),
        ),
        param_scheduler=[dict(type='PolyLR', begin=0, end=9, by_epoch=False)],
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2),
        val_cfg=dict(type='ValLoop'),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
        ),
        log_processor=dict(by_epoch=False),
    )
    path = folder / 'tiny.py'
    lines = [f'{name} = {value!r}' for name, value in parts.items()]
    path.write_text('\n'.join(lines))
    return path


@pytest.fixture(autouse=True)
def _unformatted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying out the text of a config takes most of the time of a start."""
    monkeypatch.setattr(Config, 'pretty_text', 'x = 1\n')


def quickly(cases: list[tuple[str, str]]) -> list:
    """Mark all but one in twelve as slow: each takes half a second."""
    return [
        pytest.param(*case, marks=[pytest.mark.slow] if n % 12 else [])
        for n, case in enumerate(cases)
    ]


@pytest.mark.parametrize(('options', 'line'), quickly(WRONG))
def test_wrong_values_end_in_a_line_with_their_place(
    options: str, line: str, run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    end = run_tool(
        *('train.py', config, '--work-dir', tmp_path),
        *('--cfg-options', *options.split(' ')),
    )
    last = end.err.splitlines()[-1]
    assert last.startswith(f'error: config: {line}')
    assert end.code == 2
    assert len(last) < 1000
    assert not list(tmp_path.glob('*.pth'))


def test_a_transform_that_fails_in_a_loader_process_is_named(
    run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    """Of the frames of another process there is only text."""
    end = run_tool(
        *('train.py', config, '--work-dir', tmp_path, '--cfg-options'),
        *(f'{LOADER}.num_workers=1', f'{STEP}.2.crop_size=big'),
    )
    line = f'error: config: {STEP}.2 (MultiTaskRandomCrop): TypeError: '
    assert end.err.splitlines()[-1].startswith(line)


@pytest.mark.parametrize(
    ('options', 'line'),
    [
        (f'{METRIC}=3', f'--cfg-options {METRIC}: '),
        ('train_cfg.max_iters=0', 'train_cfg.max_iters=0: give 1 or more'),
        ('train_cfg.val_interval=0', 'train_cfg.val_interval=0: give 1 or '),
        (
            f'{HOOKS}.checkpoint.save_best=depth/rmsee '
            f'{HOOKS}.checkpoint.rule=less',
            "SafeCheckpointHook.save_best='depth/rmsee': no validation "
            "measures it; did you mean 'depth/rmse'",
        ),
        (
            f'{HOOKS}.checkpoint.save_best=depth/rmse '
            f'{HOOKS}.checkpoint.rule=less val_cfg=None val_dataloader=None '
            'val_evaluator=None',
            "SafeCheckpointHook.save_best='depth/rmse': no validation "
            'measures it; known are: nothing',
        ),
        (
            'param_scheduler.0._delete_=True '
            'param_scheduler.0.type=ReduceOnPlateauLR '
            'param_scheduler.0.by_epoch=False '
            'param_scheduler.0.monitor=depth/mse',
            "param_scheduler.0.monitor='depth/mse': no validation measures",
        ),
        (
            'val_dataloader.dataset.tasks=[depth]',
            "val_evaluator measures ['semseg'], of which its data set reads",
        ),
    ],
)
def test_what_could_not_be_measured_ends_before_the_first_step(
    options: str, line: str, run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    end = run_tool(
        *('train.py', config, '--work-dir', tmp_path),
        *('--cfg-options', *options.split(' ')),
    )
    assert end.err.splitlines()[-1].startswith(f'error: {line}')
    assert end.code == 2
    assert 'Iter(train)' not in end.out


def test_the_best_by_a_figure_that_is_measured_is_kept(
    run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    end = run_tool(
        *('train.py', config, '--work-dir', tmp_path, '--cfg-options'),
        *(f'{HOOKS}.checkpoint.save_best=depth/rmse',),
        *(f'{HOOKS}.checkpoint.rule=less',),
    )
    assert end.code == 0
    assert [p.name for p in tmp_path.glob('best*')] == [
        'best_depth_rmse_iter_2.pth'
    ]


def test_a_defect_after_the_first_step_keeps_its_traceback(
    run_tool: Callable,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def fails_late(self: DepthL1Loss, *_: object, **__: object) -> None:
        calls.append(self)
        raise RuntimeError('a defect')

    whole = DepthL1Loss.forward
    monkeypatch.setattr(DepthL1Loss, 'forward', fails_late)
    command = ['train.py', config, '--work-dir', tmp_path, '--cfg-options']
    end = run_tool(*command, 'train_cfg.max_iters=3')
    assert end.code == 2
    assert f'{TASKS}.depth.loss (DepthL1Loss): RuntimeError: ' in end.err

    def fails_in_step_3(self: DepthL1Loss, *args: object) -> object:
        calls.append(self)
        if len(calls) == 4:
            raise RuntimeError('a defect')
        return whole(self, *args)

    monkeypatch.setattr(DepthL1Loss, 'forward', fails_in_step_3)
    with pytest.raises(RuntimeError, match='a defect'):
        run_tool(*command, 'train_cfg.max_iters=3')


def test_modules_named_by_an_option_are_imported(
    run_tool: Callable,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'mine.py').write_text('raise ImportError("was imported")')
    monkeypatch.syspath_prepend(str(tmp_path))
    end = run_tool(
        *('train.py', config, '--work-dir', tmp_path / 'work'),
        *('--cfg-options', 'custom_imports.imports=[mine]'),
    )
    assert end.code == 2
    assert 'ImportError' in end.err
