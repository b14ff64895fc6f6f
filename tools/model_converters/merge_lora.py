"""Add a model's LoRA adapters to its weights.

The file written is of the same config without ``model.lora``, and predicts
the same within rounding.

Example:
    python tools/model_converters/merge_lora.py \
        configs/demt/demt_dinov2-s_nyud-lora.py lora.pth merged.pth
    python tools/test.py configs/demt/demt_dinov2-s_nyud.py merged.pth
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.runner import save_checkpoint

from mmmtl.apis import init_model
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file
from mmmtl.models.backbones.lora import merge_lora


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path, help='the config with model.lora')
    parser.add_argument('src', type=Path, help='a checkpoint of its training')
    parser.add_argument('dst', type=Path, help='the file to write (.pth)')
    return parser.parse_args()


def main() -> None:
    """Merge one file."""
    args = parse_args()
    with user_errors():
        if args.dst.exists():
            raise UserError(
                f'{args.dst} exists: remove it or choose another name'
            )
        check_out('DST', args.dst)
        model = init_model(args.config, args.src)
        count = merge_lora(model.backbone)
        if count == 0:
            raise UserError(f'{args.config} has no model.lora to merge')
        meta = dict(dataset_meta=model.dataset_meta)
        with new_file(args.dst) as partial:
            content = dict(state_dict=model.state_dict(), meta=meta)
            save_checkpoint(content, str(partial))
        print(
            f'{args.dst}: {count} layers merged. Use it with the config '
            'without model.lora (--cfg-options model.lora=None)'
        )


if __name__ == '__main__':
    main()
