"""Configs of tiny models of every family, and pictures for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from tests import tiny
from tests.test_datasets.nyud_folder import write_nyud

LOAD = dict(type='LoadImageFromFile')
PACK = dict(type='PackMultiTaskInputs')


def fcn() -> dict[str, Any]:
    model = tiny.demt()
    del model['neck']
    model['decode_head'] = dict(
        type='PerTaskHeads',
        tasks=tiny.head_tasks(tiny.NYUD),
        in_channels=[8, 16, 32, 64],
        channels=8,
    )
    return model


def mult() -> dict[str, Any]:
    model = fcn()
    model['decode_head'] = dict(
        type='SharedAttentionHead',
        tasks=tiny.head_tasks(tiny.NYUD),
        in_channels=[8, 16, 32, 64],
        num_heads=[1, 1, 2, 2],
        window_size=3,
        mlp_ratio=1,
    )
    return model


def sca() -> dict[str, Any]:
    """Of two tasks: its graph grows with the square of their number."""
    return tiny.sca(('semseg', 'depth'))


FAMILIES = {'FCN': fcn, **tiny.METHODS, 'SCA-MTL': sca, 'MulT': mult}
RESNET = dict(type='ResNet', depth=18, base_channels=8, stem_channels=8)


def tiny_config(
    family: str,
    *,
    convolutions: bool = False,
    steps: Sequence[dict] = (),
    **model: Any,
) -> Config:
    """A config of one family.

    Args:
        family: Key of ``FAMILIES``.
        convolutions: ResNet instead of Swin.
        steps: Of the test pipeline, between loading and packing.
        model: Changes to the model.
    """
    config = FAMILIES[family]() | model
    if convolutions:
        config['backbone'] = dict(RESNET)
    return Config(
        dict(
            default_scope='mmmtl',
            model=config,
            test_pipeline=[LOAD, *steps, PACK],
        )
    )


def noise(*size: int, seed: int = 0) -> np.ndarray:
    """A BGR picture."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (*size, 3), np.uint8)


def with_data(folder: Path) -> Config:
    """A config of an FCN with test data of two samples of 32x64."""
    write_nyud(folder, val=('0002', '0003'), size=(32, 64))
    config = tiny_config('FCN')
    load, pack = config.pop('test_pipeline')
    config.model.decode_head.tasks.semseg.out_channels = 40
    config.test_dataloader = dict(
        dataset=dict(
            type='NYUDv2Dataset',
            data_root=str(folder),
            split='val',
            tasks=list(tiny.NYUD),
            pipeline=[load, dict(type='LoadMultiTaskAnnotations'), pack],
        )
    )
    config.test_evaluator = dict(
        type='MultiTaskEvaluator',
        metrics=[
            dict(type='SegmentationMetric'),
            dict(type='DepthErrorMetric'),
            dict(type='NormalsMetric'),
            dict(type='PixelEdgeMetric'),
        ],
    )
    return config
