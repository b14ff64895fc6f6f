"""From the options of a training or an evaluation to a config.

Everything that an option changes is a key of the config, so that the config
in a work folder says how the run was made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from mmengine.config import Config

from mmmtl.engine.config import load_config, parse_options, walk_dicts
from mmmtl.engine.config_tasks import data_sets
from mmmtl.engine.distributed import start_distributed, world_size
from mmmtl.engine.named_models import find_weights, names_weights
from mmmtl.engine.total_batch import apply_total_batch, batch_notes
from mmmtl.engine.tracking import Tracker, add_tracker
from mmmtl.engine.weights import open_door
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, check_out_dir

NEEDED = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a training and an evaluation are both told.

    Attributes:
        config: What :func:`mmmtl.engine.config.load_config` reads.
        data: Folder of the data, in the place of the config's; see
            :func:`set_data_root`.
        work_dir: Folder for logs and results; the config's if None, or
            ``work_dirs/`` and its name.
        cfg_options: Changes to the config: values by dotted path, or
            ``KEY=VALUE`` as on a command line.
        launcher: Who has started the processes.
    """

    config: str | Path | Mapping[str, Any] | Config
    data: str | Path | None = None
    work_dir: str | Path | None = None
    cfg_options: Mapping[str, Any] | Sequence[str] = ()
    launcher: Literal['none', 'pytorch', 'slurm', 'mpi'] = 'none'

    @property
    def config_name(self) -> str:
        """Name of the config, for folders and results."""
        if isinstance(self.config, (str, Path)):
            return str(self.config)
        return str(getattr(self.config, 'filename', None) or 'config')


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(RunOptions):
    """What a training is told.

    Attributes:
        resume: ``auto`` for the latest checkpoint in the work folder, or a
            path; None starts anew.
        resume_changed: Go on although options differ from those of the
            checkpoint.
        amp: Mixed precision: float16 on a GPU, bfloat16 elsewhere.
        total_batch: Samples per optimizer step over all processes.
        seed: Seed of all randomness.
        vis: Program that shows the training besides its log.
    """

    resume: str | Path | None = None
    resume_changed: bool = False
    amp: bool = False
    total_batch: int | None = None
    seed: int | None = None
    vis: Tracker | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(RunOptions):
    """What an evaluation is told.

    Attributes:
        checkpoint: Path or URL of the weights, or the name of a model
            (:mod:`mmmtl.engine.named_models`).
        out: File to write the results to, ``.json``.
        show_dir: Folder to paint the predictions into.
        tta: Test-time augmentation.
    """

    checkpoint: str | Path
    out: str | Path | None = None
    show_dir: str | Path | None = None
    tta: bool = False


def prepare_training(options: TrainingOptions) -> tuple[Config, list[str]]:
    """Load the config of a training, and start its processes.

    Returns:
        The config, and lines to log once there is a logger.
    """
    config = _load(options, 'train')
    if options.amp:
        set_amp(config)
    if options.seed is not None:
        set_seed(config, options.seed)
    if options.vis is not None:
        add_tracker(config, options.vis)
    notes = start_distributed(config, options.launcher)
    if options.total_batch is not None:
        apply_total_batch(config, options.total_batch, world_size())
    notes += batch_notes(config, world_size())
    if config.get('load_from'):
        config.load_from = weights_source(config.load_from)
    resume = options.resume
    set_resume(config, None if resume is None else str(resume))
    if options.resume_changed:
        config.resume_changed = True
    return config, notes


def prepare_test(options: EvaluationOptions) -> tuple[Config, list[str]]:
    """Load the config of an evaluation, and start its processes.

    Returns:
        The config, and lines to log once there is a logger.
    """
    config = _load(options, 'test')
    if options.out is not None:
        check_out('--out', options.out, '.json')
        set_per_class(config)
    # These weights, all of them.
    config.load_from = weights_source(options.checkpoint)
    config.load_from_strict = True
    config.resume = False
    if options.show_dir is not None:
        set_show_dir(config, str(options.show_dir))
    if options.tta:
        set_tta(config)
    return config, start_distributed(config, options.launcher)


def weights_source(name: str | Path) -> str:
    """Return path or URL of weights, which may have the name of a model.

    Args:
        name: See :mod:`mmmtl.engine.named_models`; all else stays.
    """
    return str(find_weights(name) if names_weights(name) else name)


def _load(options: RunOptions, purpose: str) -> Config:
    open_door()  # nothing may be loaded before this
    changes = options.cfg_options
    if not isinstance(changes, Mapping):
        changes = parse_options(changes)
    config = load_config(options.config, changes)
    if options.data is not None:
        set_data_root(config, options.data)
    check_sections(config, purpose)
    config.work_dir = str(
        options.work_dir
        or config.get('work_dir')
        or os.path.join('work_dirs', Path(options.config_name).stem)
    )
    return config


def set_data_root(config: Config, folder: str | Path) -> None:
    """Let all data sets of a config read another folder.

    Args:
        config: Its data sets all lie in one folder, ``data_root``. What they
            name below it, such as lists of classes, moves along.
        folder: A folder laid out like that one.

    Raises:
        UserError: The config reads no folder, or several.
    """
    nodes = [
        node
        for loader in LOADERS
        for node in data_sets(config.get(loader) or {})
        if node.get('data_root')
    ]
    roots = sorted({str(node['data_root']) for node in nodes})
    if len(roots) != 1:
        raise UserError(
            f'data {folder}: the config reads '
            f'{" and ".join(roots) or "no data_root"}, not one folder: set '
            'train_dataloader.dataset..., val_... and test_... with '
            '--cfg-options'
        )
    for node in nodes:
        node.update(_moved(node, roots[0], str(folder)))


def _moved(value: Any, old: str, new: str) -> Any:
    """Replace a folder in all paths that begin with it."""
    if isinstance(value, Mapping):
        return {key: _moved(part, old, new) for key, part in value.items()}
    if isinstance(value, str) and (
        value == old or value.startswith(old + '/')
    ):
        return new + value[len(old) :]
    return value


def check_sections(config: Config, purpose: str) -> None:
    """Refuse a config that lacks what a tool needs.

    Args:
        config: The config.
        purpose: ``train`` or ``test``.
    """
    absent = [key for key in NEEDED[purpose] if not config.get(key)]
    if absent:
        raise UserError(
            f'the config has no {" and no ".join(absent)}: it cannot '
            f'{purpose}; inherit them from configs/_base_ (datasets, '
            'schedules)'
        )


def set_amp(config: Config) -> None:
    """Switch a config to mixed precision.

    float16 with loss scaling on a GPU, bfloat16 elsewhere.
    """
    wrapper = config.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    gpu = torch.cuda.is_available()
    if kind == 'AggregationOptimWrapper':
        wrapper.setdefault('precision', 'float16' if gpu else 'bfloat16')
    elif kind == 'OptimWrapper' and gpu:
        wrapper.type = 'AmpOptimWrapper'
        wrapper.loss_scale = 'dynamic'
    elif kind == 'OptimWrapper':
        wrapper.type = 'AutocastOptimWrapper'
    elif kind not in ('AmpOptimWrapper', 'AutocastOptimWrapper'):
        raise UserError(
            '--amp replaces an OptimWrapper, the config has '
            f'optim_wrapper.type={kind!r}; set mixed precision there'
        )


def set_seed(config: Config, seed: int) -> None:
    """Fix the seed of all randomness.

    Args:
        config: Its ``randomness`` keeps its other keys.
        seed: Not negative; processes add their rank where they should
            differ.
    """
    config.randomness = {**(config.get('randomness') or {}), 'seed': seed}


def set_resume(config: Config, resume: str | None) -> None:
    """Let a training continue.

    Args:
        config: ``resume`` and ``load_from`` are set.
        resume: ``auto`` for the latest checkpoint in the work folder, which
            the runner looks for; a path; or None for what the config says.
    """
    if resume == 'auto':
        config.resume = 'auto'
    elif resume is not None:
        config.resume = True
        config.load_from = resume


def set_per_class(config: Config) -> None:
    """Let the metrics of class maps report each class too.

    Args:
        config: Its ``test_evaluator`` is changed.
    """
    for _, node in walk_dicts(config.test_evaluator):
        kind = str(node.get('type', '')).rpartition('.')[2]
        if kind == 'SegmentationMetric':
            node['per_class'] = True


def set_show_dir(config: Config, show_dir: str) -> None:
    """Paint every prediction into a folder.

    Args:
        config: Its visualization hook is switched on.
        show_dir: The folder.
    """
    hook = (config.get('default_hooks') or {}).get('visualization')
    if not hook:
        raise UserError(
            '--show-dir needs a hook default_hooks.visualization in the '
            "config: dict(type='MultiTaskVisualizationHook')"
        )
    check_out_dir('--show-dir', show_dir)
    hook.draw = True
    hook.interval = 1
    hook.out_dir = show_dir


def set_tta(config: Config) -> None:
    """Evaluate with test-time augmentation.

    Args:
        config: Its ``tta_model`` takes the place of its model, its
            ``tta_pipeline`` that of the test pipeline.
    """
    absent = [k for k in ('tta_model', 'tta_pipeline') if not config.get(k)]
    if absent:
        raise UserError(f'--tta: the config has no {" and no ".join(absent)}')
    for node in data_sets(config.test_dataloader):
        node['pipeline'] = config.tta_pipeline
    config.tta_model.module = config.model
    config.model = config.tta_model
