"""List the images of Cityscapes that have all labels, by split.

Example::

    python tools/dataset_converters/cityscapes.py data/cityscapes \
        data/cityscapes_splits

The four downloads (leftImg8bit, gtFine, disparity, camera), unpacked into one
folder, already are the layout that the loader reads, and nothing in it is
changed. The loader takes all images of a split's folder; with the lists that
this writes, for ``split_root``, it takes those that are complete.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmtl.datasets import CityscapesMTDataset
from mmmtl.datasets.cityscapes.dataset import image_ids
from mmmtl.datasets.sample_files import FolderListing
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out_dir, new_folder
from mmmtl.io.id_lists import write_ids

# The published numbers of images. The test split has no public labels.
_PUBLISHED = {'train': 2975, 'val': 500}


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data_root', type=Path, help='the downloads')
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument(
        '--tasks',
        nargs='+',
        help='tasks that an image needs labels of; default: all',
    )
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """Write the lists that the command line asks for."""
    check_out_dir('OUT', args.out)
    dataset = CityscapesMTDataset(
        args.data_root,
        split='train',
        tasks=args.tasks,
        pipeline=[],
        lazy_init=True,
    )
    files = [dataset.label_files[task] for task in dataset.tasks]
    patterns = [path for f in files for path in (f.pattern, *f.also)]
    present = FolderListing(args.data_root)
    lists, missing = {}, dict.fromkeys(patterns, 0)
    for split in _PUBLISHED:
        ids = image_ids(args.data_root, split)
        if not ids:
            raise UserError(
                f'{args.data_root} has no leftImg8bit/{split}/<city>/'
                '*_leftImg8bit.png: unpack leftImg8bit_trainvaltest.zip there'
            )
        absent = {
            path: {i for i in ids if path.format(i) not in present}
            for path in patterns
        }
        for path, without in absent.items():
            missing[path] += len(without)
        lists[split] = [
            i for i in ids if not any(i in w for w in absent.values())
        ]
    for path, number in missing.items():
        print(f'{path.format("<image>")}: {number} missing')
    if not all(lists.values()):
        raise UserError(
            'no image of a split is complete: unpack the missing downloads '
            'there, or give fewer --tasks'
        )
    _write(args.out, lists)


def _write(out: Path, lists: dict[str, list[str]]) -> None:
    with new_folder(out) as folder:
        for split, ids in lists.items():
            write_ids(folder / f'{split}.txt', ids)
    for split, ids in lists.items():
        print(
            f'{out / split}.txt: {len(ids)} images ({_PUBLISHED[split]} are '
            'published)'
        )


if __name__ == '__main__':
    with user_errors():
        run(parse_args())
