"""The figures of a model and of its file on the same test data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from rich.progress import track

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.pictures import collect_pictures
from mmmtl.deploy.formats import Maps, Opened
from mmmtl.deploy.picture_steps import Size
from mmmtl.errors import UserError
from mmmtl.evaluation import MultiTaskEvaluator
from mmmtl.evaluation.primary_metrics import primary_key
from mmmtl.registry import DATASETS, EVALUATOR, build_in_scope
from mmmtl.structures import MultiTaskDataSample


def sample_sizes(inferencer: MultiTaskInferencer, samples: int) -> list[Size]:
    """Find out what a file has to take, before minutes of tracing.

    Args:
        inferencer: See :func:`compare_metrics`.
        samples: Likewise.

    Returns:
        Heights and widths of the samples' pictures, each once.

    Raises:
        UserError: As :func:`compare_metrics`.
    """
    dataset, _ = _build_test(inferencer)
    return list(
        dict.fromkeys(
            _picture_of(inferencer, dataset[index]).shape[:2]
            for index in range(min(samples, len(dataset)))
        )
    )


def compare_metrics(
    inferencer: MultiTaskInferencer, opened: Opened, samples: int
) -> dict[str, dict[str, float]]:
    """Evaluate both on the config's test data.

    Args:
        inferencer: The model, whose config names data and metrics.
        opened: The file.
        samples: How many of the data set's samples, from the first on.

    Returns:
        Per task its primary metric: ``{'model': ..., 'file': ...}``.

    Raises:
        UserError: If the config has no test data or metrics.
    """
    dataset, evaluators = _build_test(inferencer)
    count = min(samples, len(dataset))
    for index in track(range(count), description='metrics'):
        loaded = dataset[index]
        data = {key: [value] for key, value in loaded.items()}
        with torch.no_grad():
            (sample,) = inferencer.model.test_step(data)
        evaluators['model'].process([sample])
        (maps,) = opened([_picture_of(inferencer, loaded)])
        _set_maps(sample, maps)
        evaluators['file'].process([sample])
    found = {who: e.evaluate(count) for who, e in evaluators.items()}
    keys = {
        task: primary_key(task, evaluators['model'].primary)
        for task in inferencer.model.tasks
    }
    return {
        task: {who: float(scores[key]) for who, scores in found.items()}
        for task, key in keys.items()
        if key in found['model']
    }


def _build_test(
    inferencer: MultiTaskInferencer,
) -> tuple[Any, dict[str, MultiTaskEvaluator]]:
    """Return the test data, and an evaluator for each of the two."""
    config = inferencer.model.cfg
    if not config.get('test_dataloader') or not config.get('test_evaluator'):
        raise UserError(
            'the config has no test_dataloader and test_evaluator to compare '
            'metrics by: give --samples 0, or a config that has them'
        )
    dataset = build_in_scope(DATASETS, config.test_dataloader.dataset)
    evaluators = {
        who: _build_evaluator(config.test_evaluator)
        for who in ('model', 'file')
    }
    for evaluator in evaluators.values():
        evaluator.dataset_meta = dataset.metainfo
    return dataset, evaluators


def _picture_of(
    inferencer: MultiTaskInferencer, loaded: Mapping[str, Any]
) -> np.ndarray:
    """Return a sample's picture as it was read."""
    path = loaded['data_samples'].metainfo['img_path']
    (picture,) = collect_pictures(path)
    return inferencer.pipeline(picture)['image']


def _build_evaluator(config: Any) -> MultiTaskEvaluator:
    if not isinstance(config, Mapping) or 'metrics' not in config:
        config = dict(metrics=config)  # one metric, or a list of them
    return build_in_scope(EVALUATOR, {**config, 'type': 'MultiTaskEvaluator'})


def _set_maps(sample: MultiTaskDataSample, maps: Maps) -> None:
    for task, values in maps.items():
        channels = (
            values[None] if values.ndim == 2 else np.moveaxis(values, 2, 0)
        )
        sample.set_pred(task, np.ascontiguousarray(channels))
