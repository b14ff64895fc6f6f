"""Options of the test tool that change the config."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.user_errors import UserError


def check_out(out: str | None) -> None:
    """Refuse a results file that could not be written at the end.

    Args:
        out: The command line's, None if no file is wanted.
    """
    if out is None:
        return
    if Path(out).suffix != '.json' or Path(out).is_dir():
        raise UserError(f'--out {out}: name a file that ends in .json')


def set_checkpoint(config: Config, checkpoint: str) -> None:
    """Evaluate these weights, all of them.

    Args:
        config: Its ``load_from`` is set, its ``resume`` switched off.
        checkpoint: Path or URL.
    """
    config.load_from = checkpoint
    config.load_from_strict = True
    config.resume = False


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
    config.test_dataloader.dataset.pipeline = config.tta_pipeline
    config.tta_model.module = config.model
    config.model = config.tta_model
