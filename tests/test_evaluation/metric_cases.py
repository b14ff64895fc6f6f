"""One case per metric for the harness: random samples and a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task

Pair = tuple[np.ndarray, np.ndarray]
NUM_CLASSES = 4


@dataclass(frozen=True)
class MetricCase:
    """A metric, how to draw a sample, and what the scores must be.

    Attributes:
        config: Config of the metric.
        task: Its task.
        draw: Draws a prediction and a label of size (H, W), some of it
            without label.
        reference: Scores from all valid predictions and labels, (C, N).
        ideal: Scores of a perfect prediction.
    """

    config: dict[str, Any]
    task: str
    draw: Callable[[np.random.Generator, int, int], Pair]
    reference: Callable[[np.ndarray, np.ndarray], dict[str, float]]
    ideal: dict[str, float]


def _drop(rng: np.random.Generator, label: np.ndarray, ignore: float) -> None:
    label[:, rng.random(label.shape[1:]) < 0.2] = ignore


def draw_classes(rng: np.random.Generator, h: int, w: int) -> Pair:
    label = rng.integers(NUM_CLASSES, size=(1, h, w))
    _drop(rng, label, 255)
    return rng.integers(NUM_CLASSES, size=(1, h, w)), label


def draw_depth(rng: np.random.Generator, h: int, w: int) -> Pair:
    label = rng.uniform(0.5, 9, (1, h, w)).astype(np.float32)
    _drop(rng, label, 0)
    factor = rng.uniform(-0.1, 3, (1, h, w)).astype(np.float32)
    return np.float32(0.01) + label * factor, label


def draw_normals(rng: np.random.Generator, h: int, w: int) -> Pair:
    label = rng.normal(size=(3, h, w))
    label /= np.linalg.norm(label, axis=0)
    prediction = label + rng.normal(size=(3, h, w)) * 0.7
    _drop(rng, label, 0)
    return prediction.astype(np.float32), label.astype(np.float32)


def draw_edges(rng: np.random.Generator, h: int, w: int) -> Pair:
    label = rng.integers(2, size=(1, h, w))
    _drop(rng, label, 255)
    return rng.random((1, h, w), dtype=np.float32), label


def draw_heat_map(rng: np.random.Generator, h: int, w: int) -> Pair:
    label = rng.random((1, h, w), dtype=np.float32)
    _drop(rng, label, np.nan)
    return rng.uniform(-0.2, 1.3, (1, h, w)).astype(np.float32), label


def reference_classes(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    ids = range(NUM_CLASSES)
    both = np.array([((p == i) & (t == i)).sum() for i in ids])
    either = np.array([((p == i) | (t == i)).sum() for i in ids])
    return {
        'mIoU': 100 * (both / either).mean(),
        'mAcc': 100 * (both / [(t == i).sum() for i in ids]).mean(),
        'aAcc': 100 * (p == t).mean(),
    }


def reference_depth(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    p, t = np.maximum(p, 0).astype(float), t.astype(float)
    q = np.maximum(p, 1e-3)
    ratio = np.maximum(q / t, t / q)
    return {
        'rmse': np.sqrt(((p - t) ** 2).mean()),
        'abs_err': abs(p - t).mean(),
        'abs_rel': (abs(p - t) / t).mean(),
        'sq_rel': ((p - t) ** 2 / t).mean(),
        'log10': abs(np.log10(q) - np.log10(t)).mean(),
        'rmse_log': np.sqrt(((np.log(q) - np.log(t)) ** 2).mean()),
        **{f'delta{i}': 100 * (ratio < 1.25**i).mean() for i in (1, 2, 3)},
    }


def reference_inverse_depth(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    u, v = (1 / np.maximum(d.astype(float), 0.1) for d in (p, t))
    return {
        **reference_depth(p, t),
        'inv_abs_err': abs(u - v).mean(),
        'inv_abs_rel': (abs(u - v) / v).mean(),
    }


def reference_normals(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    p, t = p.astype(float), t.astype(float)
    cosine = (p * t).sum(axis=0) / (
        np.linalg.norm(p, axis=0) * np.linalg.norm(t, axis=0)
    )
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return {
        'mean_err': angle.mean(),
        'median': np.median(angle),
        'rmse': np.sqrt((angle**2).mean()),
        'within_11.25': 100 * (angle < 11.25).mean(),
        'within_22.5': 100 * (angle < 22.5).mean(),
        'within_30': 100 * (angle < 30).mean(),
    }


def reference_edges(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    scores = []
    for i in range(1, 10):
        edge = p >= np.float32(i / 10)
        precision = (edge & (t == 1)).sum() / edge.sum()
        recall = (edge & (t == 1)).sum() / (t == 1).sum()
        scores.append(2 * precision * recall / (precision + recall))
    return {'pixelF': 100 * max(scores)}


def reference_saliency(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    scores = []
    for i in range(1, 20):
        salient = p >= np.float32(i / 20)
        precision = (salient & (t == 1)).sum() / salient.sum()
        recall = (salient & (t == 1)).sum() / (t == 1).sum()
        scores.append(1.3 * precision * recall / (0.3 * precision + recall))
    return {'maxF': 100 * max(scores), 'mae': abs(p.astype(float) - t).mean()}


def reference_heat_map(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    error = p.astype(float) - t
    return {'mae': abs(error).mean(), 'rmse': np.sqrt((error**2).mean())}


def reference_mask(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    found, there = p >= 0.5, t == 1
    precision = (found & there).sum() / found.sum()
    recall = (found & there).sum() / there.sum()
    return {
        'IoU': 100 * (found & there).sum() / (found | there).sum(),
        'F': 100 * 2 * precision * recall / (precision + recall),
        'precision': 100 * precision,
        'recall': 100 * recall,
    }


def _heat_map(task: str) -> MetricCase:
    return MetricCase(
        config=dict(type='HeatMapMetric', task=task),
        task=task,
        draw=draw_heat_map,
        reference=reference_heat_map,
        ideal={'mae': 0, 'rmse': 0},
    )


def _segmentation(task: str) -> MetricCase:
    return MetricCase(
        config=dict(
            type='SegmentationMetric', task=task, num_classes=NUM_CLASSES
        ),
        task=task,
        draw=draw_classes,
        reference=reference_classes,
        ideal={'mIoU': 100, 'mAcc': 100, 'aAcc': 100},
    )


_IDEAL_DEPTH = {
    **dict.fromkeys(
        ('rmse', 'abs_err', 'abs_rel', 'sq_rel', 'log10', 'rmse_log'), 0
    ),
    **dict.fromkeys(('delta1', 'delta2', 'delta3'), 100),
}

CASES = {
    'semseg': _segmentation('semseg'),
    'human_parts': _segmentation('human_parts'),
    'depth': MetricCase(
        config=dict(type='DepthErrorMetric'),
        task='depth',
        draw=draw_depth,
        reference=reference_depth,
        ideal=_IDEAL_DEPTH,
    ),
    'inverse depth': MetricCase(
        config=dict(type='DepthErrorMetric', inverse=True),
        task='depth',
        draw=draw_depth,
        reference=reference_inverse_depth,
        ideal={**_IDEAL_DEPTH, 'inv_abs_err': 0, 'inv_abs_rel': 0},
    ),
    'normals': MetricCase(
        config=dict(type='NormalsMetric'),
        task='normals',
        draw=draw_normals,
        reference=reference_normals,
        ideal={
            **dict.fromkeys(('mean_err', 'median', 'rmse'), 0),
            **dict.fromkeys(('within_11.25', 'within_22.5', 'within_30'), 100),
        },
    ),
    'edge': MetricCase(
        config=dict(type='PixelEdgeMetric'),
        task='edge',
        draw=draw_edges,
        reference=reference_edges,
        ideal={'pixelF': 100},
    ),
    'saliency': MetricCase(
        config=dict(type='SaliencyMetric'),
        task='saliency',
        draw=draw_edges,
        reference=reference_saliency,
        ideal={'maxF': 100, 'mae': 0},
    ),
    'mask': MetricCase(
        config=dict(type='BinaryMetric', task='saliency'),
        task='saliency',
        draw=draw_edges,
        reference=reference_mask,
        ideal=dict.fromkeys(('IoU', 'F', 'precision', 'recall'), 100),
    ),
    'scalar': MetricCase(
        config=dict(type='ScalarMetric', task='reshading'),
        task='reshading',
        draw=draw_heat_map,
        reference=reference_heat_map,
        ideal={'mae': 0, 'rmse': 0},
    ),
    **{
        task: _heat_map(task)
        for task in ('reshading', 'keypoints2d', 'edges2d')
    },
}


def draw_pairs(case: MetricCase, number: int) -> list[Pair]:
    """Draw images of different sizes."""
    rng = np.random.default_rng(7)
    return [case.draw(rng, 9 + i, 31 - 2 * i) for i in range(number)]


def to_sample(task: str, pair: Pair) -> MultiTaskDataSample:
    prediction, label = pair
    sample = MultiTaskDataSample(metainfo=dict(sample_id='0001'))
    sample.set_gt(task, torch.from_numpy(label.copy()))
    sample.set_pred(task, torch.from_numpy(prediction.copy()))
    return sample


def unlabelled(task: str, label: np.ndarray) -> np.ndarray:
    """Return (H, W) True where a label (C, H, W) has none."""
    ignore = get_task(task).kind.no_label
    # NaN equals nothing, so it needs its own question.
    same = np.isnan(label) if ignore != ignore else label == ignore
    return same.all(axis=0)


def valid_pixels(task: str, pairs: list[Pair]) -> Pair:
    """Put the valid pixels of all images side by side, (C, N) each."""
    masks = [~unlabelled(task, label) for _, label in pairs]
    return tuple(
        np.concatenate(
            [
                pair[side][:, mask]
                for pair, mask in zip(pairs, masks, strict=True)
            ],
            axis=1,
        )
        for side in (0, 1)
    )
