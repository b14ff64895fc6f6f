"""Trains a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse

from mmmtl.engine.user_errors import ErrorContext, user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    from mmmtl.engine.arguments import add_common_arguments, parse

    parser = argparse.ArgumentParser(description='Train a multi-task model')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from the latest checkpoint in the work folder, or from '
        'the one given',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision (needs a GPU)'
    )
    parser.add_argument(
        '--total-batch',
        type=int,
        metavar='N',
        help='samples per optimizer step over all processes, reached by '
        'accumulating; the numbers of the config go on counting optimizer '
        'steps',
    )
    parser.add_argument('--seed', type=int, help='seed of all randomness')
    add_common_arguments(parser)
    return parse(parser)


def train(args: argparse.Namespace, context: ErrorContext) -> None:
    """Train as the command line says.

    Args:
        args: The command line.
        context: Is told the config, for error texts.
    """
    # Nothing may be loaded before this.
    from mmmtl.engine.checkpoint_safety import enable_safe_loading

    enable_safe_loading()

    from mmengine.runner import Runner

    from mmmtl.engine.arguments import set_work_dir
    from mmmtl.engine.config_file import load_config
    from mmmtl.engine.distributed import start_distributed, world_size
    from mmmtl.engine.fit_checks import (
        check_class_counts,
        check_sections,
        check_training_labels,
    )
    from mmmtl.engine.pretrained_fit import check_pretrained_fit
    from mmmtl.engine.pretrained_weights import fetch_pretrained
    from mmmtl.engine.resume import set_resume
    from mmmtl.engine.start_weights import (
        check_start_file,
        check_start_weights,
    )
    from mmmtl.engine.total_batch import apply_total_batch, batch_note
    from mmmtl.engine.train_options import set_amp, set_seed
    from mmmtl.registry import RUNNERS

    config = load_config(args.config, args.cfg_options)
    context.config = config
    check_sections(config, 'train')
    set_work_dir(config, args.work_dir, args.config)
    if args.amp:
        set_amp(config)
    if args.seed is not None:
        set_seed(config, args.seed)
    notes = start_distributed(config, args.launcher)
    if args.total_batch is not None:
        steps = apply_total_batch(config, args.total_batch, world_size())
        notes.append(
            f'total batch {args.total_batch}: {steps} forward pass(es) per '
            'optimizer step; iterations below count forward passes'
        )
    notes += [batch_note(config, world_size())]
    notes += [set_resume(config, args.resume)]
    check_start_file(config)
    fetch_pretrained(config)
    if 'runner_type' in config:
        runner = RUNNERS.build(config)
    else:
        runner = Runner.from_cfg(config)
    for note in filter(None, notes):
        runner.logger.info(note)
    check_class_counts(config, runner.model)
    check_training_labels(config, runner.model)
    check_pretrained_fit(config, runner.model)
    check_start_weights(config, runner.model)
    runner.train()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback) as context:
        from mmmtl.engine.distributed import stop_distributed

        try:
            train(args, context)
        finally:
            stop_distributed()


if __name__ == '__main__':
    main()
