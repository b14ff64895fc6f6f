"""Evaluates a model: ``python tools/test.py CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse

from mmmtl.engine.user_errors import ErrorContext, user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    from mmmtl.engine.arguments import add_common_arguments, parse

    parser = argparse.ArgumentParser(description='Evaluate a model')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of that config')
    parser.add_argument(
        '--out',
        metavar='FILE.json',
        help='write the metrics there, each class too, with config, '
        "checkpoint's hash and versions",
    )
    parser.add_argument(
        '--show-dir', metavar='DIR', help='paint the predictions there'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation'
    )
    add_common_arguments(parser)
    return parse(parser)


def test(args: argparse.Namespace, context: ErrorContext) -> None:
    """Evaluate as the command line says.

    Args:
        args: The command line.
        context: Is told the config, for error texts.
    """
    # Nothing may be loaded before this.
    from mmmtl.engine.checkpoint_safety import enable_safe_loading

    enable_safe_loading()

    from mmengine.dist import is_main_process
    from mmengine.runner import Runner

    from mmmtl.engine.arguments import set_work_dir
    from mmmtl.engine.config_file import load_config
    from mmmtl.engine.distributed import start_distributed
    from mmmtl.engine.eval_options import (
        check_out,
        set_checkpoint,
        set_per_class,
        set_show_dir,
        set_tta,
    )
    from mmmtl.engine.fit_checks import check_class_counts, check_sections
    from mmmtl.engine.results_file import make_results
    from mmmtl.engine.start_weights import (
        check_start_file,
        check_start_weights,
    )
    from mmmtl.io.json_file import write_json

    config = load_config(args.config, args.cfg_options)
    context.config = config
    check_sections(config, 'test')
    set_work_dir(config, args.work_dir, args.config)
    check_out(args.out)
    set_checkpoint(config, args.checkpoint)
    if args.out is not None:
        set_per_class(config)
    if args.show_dir is not None:
        set_show_dir(config, args.show_dir)
    if args.tta:
        set_tta(config)
    notes = start_distributed(config, args.launcher)
    check_start_file(config)
    runner = Runner.from_cfg(config)
    for note in notes:
        runner.logger.info(note)
    check_class_counts(config, runner.model)
    check_start_weights(config, runner.model)
    metrics = runner.test()
    if args.out is not None and is_main_process():
        results = make_results(
            metrics,
            config=config,
            config_file=args.config,
            checkpoint=args.checkpoint,
            single_task=getattr(
                runner.test_loop.evaluator, 'single_task', None
            ),
            primary=getattr(runner.test_loop.evaluator, 'primary', None),
        )
        write_json(args.out, results)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback) as context:
        from mmmtl.engine.distributed import stop_distributed

        try:
            test(args, context)
        finally:
            stop_distributed()


if __name__ == '__main__':
    main()
