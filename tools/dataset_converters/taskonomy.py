"""List the views of Taskonomy or Replica, by split.

Example::

    python tools/dataset_converters/taskonomy.py data/taskonomy \
        data/taskonomy_splits/tiny --buildings train_val_test_tiny.csv

The download already is the layout that the loaders read, so nothing in it is
changed: OUT gets train.txt, val.txt and test.txt, for ``split_root``. A view
is listed if it has an image and the labels of all ``--tasks`` (class ids may
be missing: such a view counts as unlabelled). The tables of buildings are
published as splits_taskonomy.zip; Replica's is built in.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmmtl.datasets import ReplicaDataset, TaskonomyDataset
from mmmtl.datasets.taskonomy.dataset import TaskonomyLayoutDataset
from mmmtl.datasets.taskonomy.layout import LAYOUTS
from mmmtl.datasets.taskonomy.view_lists import (
    REPLICA_SCENES,
    ViewList,
    depth_medians,
    likely_scales,
    list_views,
    read_buildings,
)
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out_dir, new_folder
from mmmtl.io.id_lists import write_ids

_DATASETS = {'taskonomy': TaskonomyDataset, 'replica': ReplicaDataset}
_LAYOUTS = [name for name, place in LAYOUTS.items() if '{building}' in place]


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data_root', type=Path, help='the download')
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--dataset', choices=_DATASETS, default='taskonomy')
    parser.add_argument(
        '--buildings',
        type=Path,
        help='table with a row id,train,val,test per building',
    )
    parser.add_argument('--layout', choices=_LAYOUTS, default='omnidata')
    parser.add_argument(
        '--tasks',
        nargs='+',
        help='tasks that a view needs labels of; default: all',
    )
    parser.add_argument(
        '--exclude',
        nargs='*',
        default=[],
        metavar='BUILDING',
        help='buildings to leave out; Omnidata leaves out mosquito, '
        'tansboro, tomkins, darnestown, brinnon and rough',
    )
    parser.add_argument(
        '--allow-missing',
        action='store_true',
        help='go on if buildings of the table are not there',
    )
    return parser.parse_args()


def buildings_of(args: argparse.Namespace) -> dict[str, list[str]]:
    """Return the buildings to list, by split."""
    if args.buildings is not None:
        table = read_buildings(args.buildings)
    elif args.dataset == 'replica':
        table = REPLICA_SCENES
    else:
        raise UserError(
            'give --buildings: the table of the subset you use, such as '
            'train_val_test_tiny.csv of splits_taskonomy.zip'
        )
    return {
        split: [name for name in names if name not in args.exclude]
        for split, names in table.items()
    }


def run(args: argparse.Namespace) -> None:
    """Write the lists that the command line asks for."""
    check_out_dir('OUT', args.out)
    if not args.data_root.is_dir():
        raise UserError(f'{args.data_root} is no folder: give the download')
    dataset: TaskonomyLayoutDataset = _DATASETS[args.dataset](
        args.data_root,
        split='train',
        tasks=args.tasks,
        pipeline=[],
        layout=args.layout,
        lazy_init=True,
    )
    files = [dataset.label_files[task] for task in dataset.tasks]
    labels = [f.pattern for f in files if not f.optional]
    labels += [path for f in files for path in f.also]
    lists = {
        split: list_views(args.data_root, dataset.image, labels, names)
        for split, names in buildings_of(args).items()
    }
    _check(lists, args, dataset.tasks)
    with new_folder(args.out) as folder:
        for split, found in lists.items():
            write_ids(folder / f'{split}.txt', found.ids)
    for split, found in lists.items():
        print(
            f'{args.out / split}.txt: {len(found.ids)} views; '
            f'{found.incomplete} left out for a missing label'
        )
    if 'depth' in dataset.tasks:
        _report_depth(dataset, lists)


def _check(
    lists: dict[str, ViewList],
    args: argparse.Namespace,
    tasks: Sequence[str],
) -> None:
    absent = [name for found in lists.values() for name in found.absent]
    if absent and not args.allow_missing:
        raise UserError(
            f'{len(absent)} buildings of the table have no image in '
            f'{args.data_root} ({", ".join(absent[:5])}): download them, '
            'give another --layout, or go on without with --allow-missing'
        )
    if not any(found.ids for found in lists.values()):
        raise UserError(
            f'no view in {args.data_root} has an image and labels of '
            f'{", ".join(tasks)} in layout {args.layout!r}: give '
            'another --layout, or fewer --tasks'
        )


def _report_depth(
    dataset: TaskonomyLayoutDataset, lists: dict[str, ViewList]
) -> None:
    ids = [sample_id for found in lists.values() for sample_id in found.ids]
    depth = dataset.label_files['depth'].pattern
    medians = depth_medians(Path(dataset.data_root), depth, ids)
    usual = dataset.DEPTH_SCALE
    likely = likely_scales(medians)
    print(f'median depth {medians[usual]:.1f} m at {usual:g} steps per metre')
    if usual not in likely:
        others = ' or '.join(f'{scale:g}' for scale in likely) or 'another'
        print(
            'that is not the depth of rooms: look at it, and give '
            f'depth_scale={others} in the config'
        )


if __name__ == '__main__':
    with user_errors():
        run(parse_args())
