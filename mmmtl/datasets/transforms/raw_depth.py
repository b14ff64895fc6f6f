"""Scales in-painted depth by what was measured, as MulT does.

Source: the loader of IVRL/MulT at d71bcbe, ``mmseg/datasets/depth.py``: it
learns and measures the in-painted map times ``max(measured) /
max(in-painted)``, both cut off at 10 m, within its box of the frame.

The box is cut out of the frame after the frame was turned, so the two maxima
are of the turned picture and no converter can know them: the measured map
goes through the same transforms as the label. It travels as a second channel
of the label; only geometric transforms may come between these two.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from mmmtl.datasets.transforms.crop import Box
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import read_array
from mmmtl.registry import TRANSFORMS

#: Where ``tools/dataset_converters/nyud.py --full-frame`` keeps the maps.
RAW_FOLDER = 'depth_raw'

# They are stored in whole millimetres.
_MILLIMETRES = np.float32(1000)


@TRANSFORMS.register_module()
class LoadRawDepth(BaseTransform):
    """Put the measured depth beside the label of depth.

    After this the label is ``(H, W, 2)`` until :class:`ScaleDepthToRaw`. A
    sample without label of depth stays as it is.
    """

    def transform(self, results: dict) -> dict:
        """Read the map of a sample.

        Args:
            results: The sample, its labels loaded and not yet changed.

        Raises:
            DatasetError: If the map is not there.
        """
        label = results['labels'].get('depth')
        if label is None:
            return results
        beside = Path(results['label_paths']['depth'])
        path = beside.parent.with_name(RAW_FOLDER) / f'{beside.stem}.png'
        if not path.is_file():
            raise DatasetError(
                f'measured depth {path}: no such file; build the folder '
                'again with `tools/dataset_converters/nyud.py --full-frame`'
            )
        measured = read_array(path).astype(np.float32) / _MILLIMETRES
        stacked = np.stack([label, measured], axis=-1)
        results['labels'] = {**results['labels'], 'depth': stacked}
        return results


@TRANSFORMS.register_module()
class ScaleDepthToRaw(BaseTransform):
    """Scale the label of depth, see :func:`rescale_depth`."""

    def __init__(self, *, max_depth: float, box: Box | None = None) -> None:
        """Store the settings.

        Args:
            max_depth: Metres at which both maps are cut off.
            box: Where the maxima are looked for, in labels that are still
                whole (in testing); None for all of what is left.
        """
        self.max_depth = max_depth
        self.box = box

    def transform(self, results: dict) -> dict:
        """Scale the label of a sample and drop the measured map.

        Args:
            results: The sample; one without label of depth stays as it is.
        """
        label = results.get('labels', {}).get('depth')
        if label is not None:
            scaled = rescale_depth(
                label[..., 0],
                label[..., 1],
                max_depth=self.max_depth,
                box=self.box,
            )
            results['labels'] = {**results['labels'], 'depth': scaled}
        return results


def rescale_depth(
    depth: np.ndarray,
    measured: np.ndarray,
    *,
    max_depth: float,
    box: Box | None = None,
) -> np.ndarray:
    """Let the farthest in-painted depth be the farthest measured one.

    Args:
        depth: ``(H, W)`` metres, in-painted; 0 unknown.
        measured: ``(H, W)`` metres; 0 unknown.
        max_depth: Metres at which both are cut off first.
        box: Left, top, right, bottom (the last two exclusive) of where the
            two maxima are looked for; None for everywhere.

    Returns:
        ``(H, W)`` float32 metres. All 0, unknown, where nothing is measured
        in the box.
    """
    left, top, right, bottom = box or (0, 0, depth.shape[1], depth.shape[0])
    maps = [np.minimum(m, np.float32(max_depth)) for m in (depth, measured)]
    largest, farthest = (m[top:bottom, left:right].max() for m in maps)
    return maps[0] * np.float32(farthest / max(largest, 1e-6))
