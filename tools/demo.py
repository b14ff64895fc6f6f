"""Everything once: render rooms, train a model, evaluate, draw, compare.

Example:
    python tools/demo.py --work-dir work_dirs/demo
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mmmtl.engine.cli import add_cfg_options

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner

    from mmmtl.engine.hooks.step_times import StepTime

ROOT = Path(__file__).resolve().parents[1]
# The layout in which a data set reads the rooms.
LAYOUTS = {
    'NYUDv2Dataset': 'nyud',
    'PascalContextMTDataset': 'pascal_context',
    'TaskonomyDataset': 'taskonomy',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--config',
        default=str(ROOT / 'configs/demt/demt_efficientnet-lite0_rooms.py'),
    )
    parser.add_argument(
        '--data-root',
        type=Path,
        help="rooms, rendered if they are not there; default: the config's",
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/demo')
    )
    parser.add_argument(
        '--num-train', type=int, help="rooms; default: the config's"
    )
    parser.add_argument(
        '--num-val', type=int, help="rooms; default: the config's"
    )
    parser.add_argument('--num-pictures', type=int, default=8)
    parser.add_argument('--seed', type=int, default=0)
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Run the demo."""
    args = parse_args()
    from mmmtl.engine.errors import user_errors

    with user_errors():
        started = time.perf_counter()
        run(args)
        minutes = (time.perf_counter() - started) / 60
        print(f'The whole demo took {minutes:.1f} minutes.')


def run(args: argparse.Namespace) -> None:
    """Render, evaluate, train, evaluate, draw."""
    from mmmtl.engine.config import load_config, parse_options
    from mmmtl.engine.hooks.step_times import time_steps
    from mmmtl.engine.preflight import preflight
    from mmmtl.engine.prepare import set_seed
    from mmmtl.engine.runner import MultiTaskRunner
    from mmmtl.engine.work_dir import alone_in
    from mmmtl.io.folders import check_out_dir
    from mmmtl.io.json_file import write_json

    check_out_dir('--work-dir', args.work_dir)
    config = load_config(args.config, parse_options(args.cfg_options))
    config.work_dir = str(args.work_dir)
    place_rooms(args, config)
    set_seed(config, args.seed)
    with alone_in(args.work_dir):
        runner = MultiTaskRunner.from_cfg(config)
        preflight(runner, 'train')
        trivial = evaluate_trivial(runner)
        results, steps = collect_results(runner), time_steps(runner)
        runner.train()
    pictures = draw(runner, args.work_dir / 'pictures', args.num_pictures)
    primary = getattr(runner.val_evaluator, 'primary', None)
    table = compare(trivial, results[0], results[-1], primary)
    name = Path(args.config).stem
    print_table(table, name, len(runner.val_dataloader.dataset))
    write_json(
        args.work_dir / 'demo.json',
        dict(
            name=name,
            **describe_run(runner, args, steps),
            metrics=table,
        ),
    )
    print(f'Pictures: {pictures}/*.png; weights and log: {args.work_dir}')
    losers = [row for row, entry in table.items() if not entry['beaten']]
    if losers:
        sys.exit(f'The model does not beat the trivial predictor on {losers}')


def place_rooms(args: argparse.Namespace, config: Config) -> None:
    """Render the data set, unless it is there, and let the config use it."""
    from mmmtl.errors import UserError

    kind = config.train_dataloader.dataset.type
    if kind not in LAYOUTS:
        raise UserError(
            f'{args.config} trains on {kind}: give a config of rendered '
            'rooms, configs/*/*_rooms*.py'
        )
    rendered = config.rendered
    root = args.data_root or Path(config.train_dataloader.dataset.data_root)
    command = [
        sys.executable,
        str(ROOT / 'tools/dataset_converters/rooms.py'),
        str(root),
        *('--layout', LAYOUTS[kind]),
        *('--size', *map(str, rendered.size)),
        *('--num-train', str(args.num_train or rendered.num_train)),
        *('--num-val', str(args.num_val or rendered.num_val)),
        *('--seed', str(args.seed)),
    ]
    result = subprocess.run(command)
    if result.returncode:
        sys.exit(result.returncode)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[loader].dataset.data_root = str(root)


def describe_run(
    runner: Runner, args: argparse.Namespace, steps: list[StepTime]
) -> dict:
    """Return what a reader of the figures has to know about the run."""
    from mmmtl.engine.results import describe_versions

    return dict(
        config=args.config,
        seed=args.seed,
        iterations=runner.max_iters,
        batch_size=runner.cfg.train_dataloader.batch_size,
        num_train=len(runner.train_dataloader.dataset),
        num_val=len(runner.val_dataloader.dataset),
        parameters=sum(p.numel() for p in runner.model.parameters()),
        seconds_per_step=statistics.median(s.elapsed for s in steps),
        # What other programs leave alone: all threads, waiting left out.
        cpu_seconds_per_step=statistics.median(s.processor for s in steps),
        versions=describe_versions(),
    )


def evaluate_trivial(runner: Runner) -> dict:
    """Evaluate the best constant answer, found on the training set."""
    from mmengine.config import Config

    from mmmtl.evaluation.trivial_predictor import (
        fit_constants,
        predict_constants,
    )
    from mmmtl.registry import DATASETS, build_in_scope

    validation = runner.val_dataloader.dataset
    # The training images as they are: labels only, no augmentation.
    training_cfg = Config(dict(runner.cfg.train_dataloader.dataset))
    training_cfg.pipeline = runner.cfg.val_dataloader.dataset.pipeline
    training = build_in_scope(DATASETS, training_cfg.to_dict())
    tasks = training_cfg.tasks
    constants = fit_constants(
        (training[i]['data_samples'] for i in range(len(training))), tasks
    )
    evaluator = runner.build_evaluator(runner.cfg.val_evaluator)
    evaluator.dataset_meta = validation.metainfo
    for index in range(len(validation)):
        sample = predict_constants(
            validation[index]['data_samples'], constants
        )
        evaluator.process([sample])
    return evaluator.evaluate(len(validation))


def collect_results(runner: Runner) -> list[dict]:
    """Have the untrained model evaluated too, and keep all results."""
    from mmengine.hooks import Hook

    results: list[dict] = []

    class CollectResults(Hook):
        def before_train(self, runner: Runner) -> None:
            runner.val_loop.run()

        def after_val_epoch(
            self, runner: Runner, metrics: dict[str, float] | None = None
        ) -> None:
            del runner
            results.append(dict(metrics or {}))

    runner.register_hook(CollectResults())
    return results


def draw(runner: Runner, folder: Path, count: int) -> Path:
    """Write image, ground truth and prediction of some validation rooms."""
    import mmcv
    import torch

    dataset = runner.val_dataloader.dataset
    runner.model.eval()
    for index in range(min(count, len(dataset))):
        item = dataset[index]
        batch = {key: [value] for key, value in item.items()}
        with torch.no_grad():
            sample = runner.model.test_step(batch)[0]
        image = mmcv.imread(sample.img_path, channel_order='rgb')
        path = folder / f'{sample.sample_id}.png'
        runner.visualizer.add_datasample(
            sample.sample_id, image, sample, out_file=str(path)
        )
    return folder


def compare(
    trivial: dict,
    before: dict,
    after: dict,
    primary: dict[str, str] | None = None,
) -> dict[str, dict]:
    """Put the three results of each task's primary metric side by side."""
    from mmmtl.evaluation.comparison import choose_columns
    from mmmtl.evaluation.primary_metrics import metric_of
    from mmmtl.tasks import get_task

    table = {}
    for column in choose_columns([after], [primary or {}]):
        task, _, name = column.key.partition('/')
        if not name:  # delta_m, which the trivial answer has not
            continue
        key = column.key
        gain = after[key] - trivial[key]
        table[key] = dict(
            unit=metric_of(task, name).unit_of(name, get_task(task).kind),
            trivial=trivial[key],
            before=before[key],
            after=after[key],
            beaten=bool(gain < 0 if column.lower_is_better else gain > 0),
        )
    return table


def print_table(table: dict[str, dict], name: str, num_images: int) -> None:
    """Print the comparison."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(
        title=f'{name} on {num_images} rendered rooms (not a real data set)'
    )
    shown.add_column('metric')
    for column in ('trivial', 'before training', 'after'):
        shown.add_column(column, justify='right')
    shown.add_column('beats trivial')
    for key, entry in table.items():
        shown.add_row(
            f'{key} [{entry["unit"] or 1}]'.replace('[', r'\['),
            *(f'{entry[c]:.3f}' for c in ('trivial', 'before', 'after')),
            'yes' if entry['beaten'] else 'NO',
        )
    Console().print(shown)


if __name__ == '__main__':
    main()
