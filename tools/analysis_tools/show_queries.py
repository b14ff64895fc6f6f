"""Paints where the queries of each task look in a picture.

Example:
    python tools/analysis_tools/show_queries.py \
        configs/mqtransformer/mqtransformer_swin-t_nyud.py demo/room.png \
        --checkpoint iter_40000.pth --out queries.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmtl.engine.cli import add_cfg_options
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError

# Pixels of a panel: many stand beside each other, each with a long title.
_MIN_WIDTH, _MAX_SIDE = 160, 320


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description="Paint where each task's queries look in a picture: all "
        'of them together, then those with the sharpest view'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('image', help='a picture')
    parser.add_argument(
        '--checkpoint', help='weights of that config; random if left out'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/queries.png'),
        metavar='FILE.png',
        help='the page (default: %(default)s)',
    )
    parser.add_argument(
        '--tasks', nargs='+', metavar='TASK', help='show these only'
    )
    parser.add_argument(
        '--num-queries',
        type=int,
        default=4,
        help='single queries per task (default: %(default)s)',
    )
    parser.add_argument(
        '--device', default='cpu', help='for instance cpu or cuda:0'
    )
    add_cfg_options(parser)
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show the whole traceback of an error',
    )
    return parser.parse_args()


def show(args: argparse.Namespace) -> None:
    """Write the page."""
    from mmmtl.apis import init_model
    from mmmtl.apis.pictures import SUFFIXES, collect_pictures
    from mmmtl.apis.query_maps import check_query_tasks, query_maps
    from mmmtl.engine.config import parse_options
    from mmmtl.io.folders import check_out
    from mmmtl.visualization import (
        cells_of_queries,
        draw_grid,
        write_picture,
    )

    if args.num_queries < 0:
        raise UserError(f'--num-queries {args.num_queries}: give 0 or more')
    check_out('--out', args.out, *sorted(SUFFIXES))
    options = parse_options(args.cfg_options)
    pictures = collect_pictures(args.image)
    if Path(args.image).is_dir():
        raise UserError(f'{args.image} is a folder: give one picture')
    if args.out.resolve() == Path(args.image).resolve():
        raise UserError(f'--out {args.out} would replace the picture')
    model = init_model(args.config, args.checkpoint, args.device, options)
    tasks = check_query_tasks(model, args.tasks)
    maps = query_maps(model, pictures[0], tasks)
    rows = cells_of_queries(
        maps.image,
        maps.attention,
        num_queries=args.num_queries,
        resize=maps.on_picture,
    )
    page = draw_grid(rows, min_width=_MIN_WIDTH, max_side=_MAX_SIDE)
    write_picture(args.out, page)
    print(f'queries of {" ".join(tasks)} painted to {args.out}')


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback):
        show(args)


if __name__ == '__main__':
    main()
