"""Makes a small model for others of a training: what prediction needs.

Example::

    python tools/model_converters/publish.py \
        configs/baselines/fcn-multi_efficientnet-lite0_rooms-varied.py \
        work_dirs/rooms-lite0/iter_4000.pth --out-dir mmmtl/zoo/rooms-lite0

It calls :func:`mmmtl.save_pretrained` with the weights in half precision
(norms and biases in single); ``--float32`` leaves them as they are.
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
    parser.add_argument(
        '--results', type=Path, help='figures, of `mmmtl test --out`'
    )
    parser.add_argument('--data', help='the training data, in words')
    parser.add_argument('--data-licence', help='licence of these data')
    parser.add_argument('--licence', help='of the weights, as the hub has it')
    parser.add_argument('--float32', action='store_true')
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        from mmmtl.apis import CardFacts, init_model, save_pretrained
        from mmmtl.io.folders import check_out_dir
        from mmmtl.zoo import WEIGHTS_FILE

        check_out_dir('--out-dir', args.out_dir)
        facts = CardFacts(
            results=args.results,
            data=args.data,
            data_licence=args.data_licence,
            licence=args.licence,
        )
        model = init_model(args.config, args.weights)
        folder = save_pretrained(
            model, args.out_dir, half=not args.float32, facts=facts
        )
        size = (folder / WEIGHTS_FILE).stat().st_size
        print(f'{args.out_dir}: {size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
