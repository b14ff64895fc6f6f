"""A DeMT of a few thousand parameters, and random samples to feed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task

LOSSES: dict[str, dict[str, Any]] = {
    'semseg': dict(type='SegCrossEntropyLoss'),
    'depth': dict(type='DepthL1Loss'),
    'normals': dict(type='NormalsL1Loss'),
    'edge': dict(type='BalancedEdgeLoss', pos_weight=0.8),
    'saliency': dict(type='BalancedSaliencyLoss'),
    'human_parts': dict(type='SegCrossEntropyLoss'),
    'reshading': dict(type='HeatMapL1Loss'),
    'keypoints2d': dict(type='HeatMapL1Loss'),
    'edges2d': dict(type='HeatMapL1Loss'),
}
CLASSES = {'semseg': 5, 'human_parts': 3, 'saliency': 2}
NYUD = ('semseg', 'depth', 'normals', 'edge')
PASCAL = ('semseg', 'human_parts', 'saliency', 'normals', 'edge')
SIZE = (32, 40)


def head_tasks(
    tasks: Sequence[str], classes: Mapping[str, int] = CLASSES
) -> dict[str, dict[str, Any]]:
    """The `tasks` of a head's config, with a loss for each."""
    return {
        task: dict(loss=dict(LOSSES[task]))
        | (dict(out_channels=classes[task]) if task in classes else {})
        for task in tasks
    }


def swin(**changes: Any) -> dict[str, Any]:
    """A Swin with the pyramid (8, 16, 32, 64) at strides 4 to 32."""
    return dict(
        type='SwinTransformer',
        embed_dims=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        drop_path_rate=0.0,
    ) | dict(changes)


def demt(tasks: Sequence[str] = NYUD, **head: Any) -> dict[str, Any]:
    """Config of a tiny DeMT without weighting; `head` changes the head."""
    return dict(
        type='MultiTaskSegmentor',
        data_preprocessor=dict(
            type='MultiTaskDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True,
        ),
        backbone=swin(),
        neck=dict(
            type='DeformableMixer',
            in_channels=[8, 16, 32, 64],
            channels=16,
            tasks=list(tasks),
        ),
        decode_head=dict(
            type='TaskQueryHead',
            tasks=head_tasks(tasks),
            channels=16,
            bottleneck_channels=8,
            num_heads=2,
        )
        | dict(head),
    )


def mqtransformer(tasks: Sequence[str] = NYUD, **head: Any) -> dict[str, Any]:
    """Config of a tiny MQTransformer; `head` changes the head."""
    config = demt(tasks)
    del config['neck']
    config['decode_head'] = dict(
        type='MultiQueryHead',
        tasks=head_tasks(tasks),
        in_channels=[8, 16, 32, 64],
        channels=16,
        num_queries=6,
        num_heads=2,
        bottleneck_channels=8,
    ) | dict(head)
    return config


def sca(tasks: Sequence[str] = NYUD, **head: Any) -> dict[str, Any]:
    """Config of a tiny SCA-MTL without weighting; `head` changes the head."""
    return demt(tasks) | dict(
        neck=dict(
            type='WindowSelfAttention',
            in_channels=[8, 16, 32, 64],
            window_size=3,
        ),
        decode_head=dict(
            type='SequentialCrossAttentionHead',
            tasks=head_tasks(tasks),
            in_channels=[16, 32, 64, 128],
            window_size=3,
        )
        | dict(head),
    )


METHODS = {'DeMT': demt, 'MQTransformer': mqtransformer, 'SCA-MTL': sca}


def random_label(
    task: str,
    size: tuple[int, int] = SIZE,
    classes: Mapping[str, int] = CLASSES,
) -> Tensor:
    """A valid label; every class of the task occurs with some luck."""
    row = get_task(task)
    shape = (row.kind.components, *size)
    if row.kind_name == 'classes':
        return torch.randint(classes[task], shape)
    if row.kind_name == 'binary':
        return torch.randint(2, shape)
    if task == 'normals':
        return torch.nn.functional.normalize(torch.randn(shape), dim=0)
    return torch.rand(shape) + (0.5 if task == 'depth' else 0.0)


def random_sample(
    tasks: Sequence[str],
    size: tuple[int, int] = SIZE,
    classes: Mapping[str, int] = CLASSES,
    **metainfo: Any,
) -> MultiTaskDataSample:
    """A sample with a random label of every task."""
    sample = MultiTaskDataSample(metainfo=metainfo)
    for task in tasks:
        sample.set_gt(task, random_label(task, size, classes))
    return sample


def random_batch(
    tasks: Sequence[str] = NYUD,
    batch: int = 2,
    size: tuple[int, int] = SIZE,
    classes: Mapping[str, int] = CLASSES,
) -> dict[str, Any]:
    """What a data loader gives: uint8 images and samples."""
    return dict(
        inputs=[
            torch.randint(256, (3, *size), dtype=torch.uint8)
            for _ in range(batch)
        ],
        data_samples=[
            random_sample(tasks, size, classes, ori_shape=size)
            for _ in range(batch)
        ],
    )
