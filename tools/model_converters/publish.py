"""Makes a small model for others of a training: what prediction needs.

Example::

    python tools/model_converters/publish.py \
        configs/baselines/fcn-multi_efficientnet-lite0_rooms-varied.py \
        work_dirs/rooms-lite0/iter_4000.pth --out-dir mmmtl/zoo/rooms-lite0

``config.py`` holds network and test pipeline, ``weights.safetensors`` the
weights in half precision (norms and biases in single), with names and colours
of the classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('weights', help='checkpoint of that config')
    parser.add_argument('--out-dir', type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        from mmmtl.apis import publish_model
        from mmmtl.io.folders import check_out_dir

        check_out_dir('--out-dir', args.out_dir)
        size = publish_model(args.config, args.weights, args.out_dir)
        print(f'{args.out_dir}: {size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
