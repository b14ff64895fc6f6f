"""Predicts on pictures: ``image_demo.py INPUT CONFIG WEIGHTS --out-dir OUT``.

INPUT is a picture, a folder of pictures, a quoted pattern, a video, or
``camera:0``.
"""

from __future__ import annotations

import argparse

from mmmtl.engine.cli import add_cfg_options
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Predict every task of a model on pictures'
    )
    parser.add_argument(
        'input',
        help='a picture, a folder of pictures, a quoted pattern, a video, '
        'or camera:0',
    )
    parser.add_argument(
        'config',
        help='config file, or the name of a model that comes with the package',
    )
    parser.add_argument(
        'weights',
        nargs='?',
        help='checkpoint of that config; a model that comes with the package '
        'has its own',
    )
    parser.add_argument('--out-dir', required=True, help='folder of the pages')
    parser.add_argument(
        '--device', help='for instance cpu or cuda:0; default: a GPU if any'
    )
    parser.add_argument(
        '--tasks',
        nargs='+',
        metavar='TASK',
        help="show these of the model's tasks only",
    )
    parser.add_argument(
        '--save-maps',
        action='store_true',
        help='write the maps too, class ids as .png, others as .npy',
    )
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument(
        '--resume',
        action='store_true',
        help='leave out pictures that an interrupted run has finished',
    )
    parser.add_argument(
        '--tile',
        type=int,
        nargs='+',
        metavar='PIXELS',
        help='predict larger pictures tile by tile, in bounded memory: side '
        'of a tile, or its height and width',
    )
    parser.add_argument(
        '--tile-overlap',
        type=int,
        metavar='PIXELS',
        help='over which tiles blend; default: an eighth of a tile',
    )
    add_cfg_options(parser)
    parser.add_argument(
        '--trust-remote-code',
        action='store_true',
        help='run what the config of a named model asks for',
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show the whole traceback of an error',
    )
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """Predict as the command line says."""
    # Imported after the command line is read: --help does not wait for them.
    from mmmtl.apis import MultiTaskInferencer, predict_video
    from mmmtl.engine.config import parse_options
    from mmmtl.io.folders import check_out_dir
    from mmmtl.io.video import is_video

    check_out_dir('--out-dir', args.out_dir)

    inferencer = MultiTaskInferencer(
        args.config,
        args.weights,
        device=args.device,
        cfg_options=parse_options(args.cfg_options),
        trust_remote_code=args.trust_remote_code,
    )
    options = dict(
        batch_size=args.batch_size,
        out_dir=args.out_dir,
        save_maps=args.save_maps,
        tasks=args.tasks,
        tile=args.tile,
        tile_overlap=args.tile_overlap,
    )
    if is_video(args.input):
        count = predict_video(inferencer, args.input, **options)
        print(f'{count} frame(s) written to {args.out_dir}')
        return
    count = 0
    for _ in inferencer.stream(args.input, resume=args.resume, **options):
        count += 1
    print(f'{count} page(s) written to {args.out_dir}')


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback):
        run(args)


if __name__ == '__main__':
    main()
