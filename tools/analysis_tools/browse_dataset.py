"""Draws samples as the network gets them: the image and all its labels.

Example:
    python tools/analysis_tools/browse_dataset.py \
        configs/demt/demt_swin-t_nyud.py --num 8 --views 2 --out-dir pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmmtl.engine.cli import add_cfg_options
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from mmmtl.structures import MultiTaskDataSample


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Draw samples after their transforms, with their labels'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='train',
        help='whose data set and transforms',
    )
    parser.add_argument(
        '--num', type=int, default=8, help='how many samples, from the first'
    )
    parser.add_argument(
        '--views', type=int, default=1, help='how often to draw each'
    )
    parser.add_argument(
        '--out-dir',
        type=Path,
        default=Path('work_dirs/browse_dataset'),
        help='folder for the pictures',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the transforms'
    )
    add_cfg_options(parser)
    return parser.parse_args()


def browse(args: argparse.Namespace) -> None:
    """Draw the samples."""
    import numpy as np

    from mmmtl.engine.config import load_config, parse_options
    from mmmtl.io.folders import check_out_dir
    from mmmtl.registry import DATASETS
    from mmmtl.visualization import write_picture

    check_out_dir('--out-dir', args.out_dir)
    config = load_config(args.config, parse_options(args.cfg_options))
    loader = config.get(f'{args.split}_dataloader')
    if loader is None:
        raise UserError(f'config {args.config} has no {args.split}_dataloader')
    dataset = DATASETS.build(loader.dataset)
    np.random.seed(args.seed)
    count = min(args.num, len(dataset))
    for index in range(count):
        for view in range(args.views):
            page = draw_sample(**dataset[index], meta=dataset.metainfo)
            path = args.out_dir / f'{args.split}_{index:04d}_{view}.png'
            write_picture(path, page)
    print(f'{count * args.views} pictures written to {args.out_dir}')


def draw_sample(
    inputs: Tensor, data_samples: MultiTaskDataSample, meta: dict
) -> np.ndarray:
    """Draw a packed sample.

    Args:
        inputs: ``(3, H, W)`` uint8 BGR.
        data_samples: Its labels.
        meta: The data set's metainfo.

    Returns:
        The page, ``(height, width, 3)`` uint8 RGB.
    """
    from mmmtl.visualization import cells_of_sample, draw_grid

    image = inputs.numpy()[::-1].transpose(1, 2, 0)
    # In testing, labels keep the size of the file while the image is padded.
    ori_shape = data_samples.metainfo.get('ori_shape', image.shape)[:2]
    left, right, top, bottom = data_samples.metainfo.get(
        'padding_size', (0, 0, 0, 0)
    )
    inner = image[top : image.shape[0] - bottom, left : image.shape[1] - right]
    if has_labels_of(data_samples, ori_shape) and inner.shape[:2] == ori_shape:
        image = inner
    cells = cells_of_sample(
        image, data_samples, dataset_meta=meta, draw_pred=False
    )
    return draw_grid(cells)


def has_labels_of(sample: MultiTaskDataSample, size: tuple[int, int]) -> bool:
    """Return whether all labels of a sample have this height and width."""
    from mmmtl.tasks import TASKS

    return all(
        tuple(sample.get_gt(task).shape[-2:]) == tuple(size)
        for task in TASKS
        if sample.has_gt(task)
    )


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        browse(args)


if __name__ == '__main__':
    main()
