"""From the arguments of the train and test tools to a config.

Everything that an option of the command line changes is a key of the config,
so that the config in a work folder says how the run was made.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config

from mmmtl.engine.config import load_config, parse_options, walk_dicts
from mmmtl.engine.config_tasks import data_sets
from mmmtl.engine.distributed import start_distributed, world_size
from mmmtl.engine.total_batch import apply_total_batch, batch_notes
from mmmtl.engine.weights import open_door
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, check_out_dir

NEEDED = {
    'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    'test': ('test_dataloader', 'test_cfg', 'test_evaluator'),
}


def prepare_training(args: argparse.Namespace) -> tuple[Config, list[str]]:
    """Load the config of a training, and start its processes.

    Args:
        args: The command line of ``tools/train.py``.

    Returns:
        The config, and lines to log once there is a logger.
    """
    config = _load(args, 'train')
    if args.amp:
        set_amp(config)
    if args.seed is not None:
        set_seed(config, args.seed)
    notes = start_distributed(config, args.launcher)
    if args.total_batch is not None:
        apply_total_batch(config, args.total_batch, world_size())
    notes += batch_notes(config, world_size())
    set_resume(config, args.resume)
    if args.resume_changed:
        config.resume_changed = True
    return config, notes


def prepare_test(args: argparse.Namespace) -> tuple[Config, list[str]]:
    """Load the config of an evaluation, and start its processes.

    Args:
        args: The command line of ``tools/test.py``.

    Returns:
        The config, and lines to log once there is a logger.
    """
    config = _load(args, 'test')
    if args.out is not None:
        check_out('--out', args.out, '.json')
        set_per_class(config)
    # These weights, all of them.
    config.load_from = args.checkpoint
    config.load_from_strict = True
    config.resume = False
    if args.show_dir is not None:
        set_show_dir(config, args.show_dir)
    if args.tta:
        set_tta(config)
    return config, start_distributed(config, args.launcher)


def _load(args: argparse.Namespace, purpose: str) -> Config:
    open_door()  # nothing may be loaded before this
    config = load_config(args.config, parse_options(args.cfg_options))
    check_sections(config, purpose)
    config.work_dir = (
        args.work_dir
        or config.get('work_dir')
        or os.path.join('work_dirs', Path(args.config).stem)
    )
    return config


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
