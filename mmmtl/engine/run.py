"""A whole training, a whole evaluation: what commands and Python call."""

from __future__ import annotations

from pathlib import Path

from mmmtl.engine.preflight import preflight
from mmmtl.engine.prepare import (
    EvaluationOptions,
    TrainingOptions,
    prepare_test,
    prepare_training,
)
from mmmtl.engine.results import write_results
from mmmtl.engine.runner import build_runner
from mmmtl.engine.work_dir import alone_in, checkpoint_folder


def run_training(options: TrainingOptions) -> Path:
    """Train as the options say.

    Returns:
        The work folder, with config, checkpoints and logs.
    """
    config, notes = prepare_training(options)
    with alone_in(config.work_dir, checkpoint_folder(config)):
        runner = build_runner(config, notes)
        preflight(runner, 'train')
        runner.train()
    return Path(config.work_dir)


def run_test(options: EvaluationOptions) -> dict[str, float]:
    """Evaluate as the options say.

    Returns:
        Metric by name, such as ``depth/rmse``.
    """
    config, notes = prepare_test(options)
    runner = build_runner(config, notes, trains=False)
    preflight(runner, 'test')
    metrics = runner.test()
    if options.out is not None:
        write_results(options.out, metrics, runner, options.config_name)
    return metrics
