"""SCA-MTL at its published size, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmmtl.registry import MODELS, build_in_scope
from mmmtl.tasks import get_task

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / 'configs/_base_/models/hrnet18-small.py'
PYRAMID = (18, 36, 72, 144)


def sca_hrnet18(channels: Mapping[str, int], **head: Any) -> Any:
    """Build the published model without pretrained weights.

    Args:
        channels: Channels of the logits by task.
        head: Changes to the head's config.
    """
    tasks = {
        task: {}
        if get_task(task).kind.out_channels(None) == (channels[task],)
        else dict(out_channels=channels[task])
        for task in channels
    }
    cfg = dict(
        type='MultiTaskSegmentor',
        backbone=dict(type='HRNet', extra=Config.fromfile(BASE).hrnet18_extra),
        neck=dict(type='WindowSelfAttention', in_channels=PYRAMID),
        decode_head=dict(
            type='SequentialCrossAttentionHead',
            tasks=tasks,
            in_channels=[2 * width for width in PYRAMID],
        )
        | head,
    )
    return build_in_scope(MODELS, cfg)
