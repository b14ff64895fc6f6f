#!/usr/bin/env bash
# What somebody does who has installed the package and has no checkout: look
# at a photograph, train on a folder of their own, take the model elsewhere.
#
# usage: newcomer.sh BIN DEVICE_BIN      in an empty folder
#
# BIN         bin/ of an environment with mmmtl[onedl,lite,deploy]
# DEVICE_BIN  bin/ of one with numpy, onnxruntime and Pillow, without PyTorch
set -euo pipefail

bin=${1:?usage: newcomer.sh BIN DEVICE_BIN}
device_bin=${2:?usage: newcomer.sh BIN DEVICE_BIN}
export PYTHONWARNINGS=ignore
package=$("$bin/python" -c 'import mmmtl; print(*mmmtl.__path__)')

run() {
    echo "\$ mmmtl $*"
    "$bin/mmmtl" "$@" >log 2>&1 || { cat log >&2; exit 1; }
    tail -n 1 log
}

# A folder as people have it: photographs, masks, depth in millimetres.
"$bin/python" - <<'PYTHON'
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.rooms import render_room

for part in ('photos', 'masks', 'depth'):
    Path('bridges', part).mkdir(parents=True)
for number in range(12):
    room = render_room(number, 64, 96)
    stem = f'{number:03}.png'
    Image.fromarray(room.image).save(f'bridges/photos/{stem}')
    Image.fromarray(room.edge * np.uint8(255)).save(f'bridges/masks/{stem}')
    millimetres = np.nan_to_num(1000 * room.depth).astype(np.uint16)
    Image.fromarray(millimetres).save(f'bridges/depth/{stem}')
PYTHON
picture=bridges/photos/000.png

run predict rooms-lite0 "$picture" --out-dir pages
run init bridges --tasks cracks=binary depth --labels 'cracks=masks/{}.png' \
    --encoding depth=millimetres --no-label depth=0 \
    --out bridges.py --method demt --backbone efficientnet-lite0
run check --config bridges.py
run train bridges.py --cfg-options train_cfg.max_iters=2 \
    train_cfg.val_interval=2 default_hooks.checkpoint.interval=2 \
    train_dataloader.batch_size=2
run test bridges.py work_dirs/bridges/iter_2.pth --out metrics.json
run export bridges.py work_dirs/bridges/iter_2.pth --out bridges.onnx
run predict work_dirs/bridges "$picture" --out-dir pages --save-maps

# One file of the package and the model are all that a device needs.
cp "$package/deploy/onnx_inferencer.py" .
"$device_bin/python" - "$picture" <<'PYTHON'
import importlib.util
import sys

from onnx_inferencer import OnnxInferencer

assert importlib.util.find_spec('torch') is None, 'it has PyTorch'
maps = OnnxInferencer('bridges.onnx')(sys.argv[1])
for task, values in maps.items():
    assert values.shape == (64, 96), (task, values.shape)
    print(f'{task}: {values.min():.3g} to {values.max():.3g}')
PYTHON
echo 'newcomer: from the wheel to maps without PyTorch'
