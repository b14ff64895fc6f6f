"""The metrics give the numbers of SCA-MTL's released code.

``tests/data/sca_losses`` was recorded from kimsunkyung/SCA_MTL at 8214866.
Its "rmse" of normals repeats the mean and has no counterpart here.
"""

from __future__ import annotations

import pytest
from mmengine.evaluator import Evaluator

from mmmtl.evaluation import (
    DepthErrorMetric,
    NormalsMetric,
    SaliencyMetric,
    SegmentationMetric,
)
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task
from tests.sca_fixture import SETS, SPEC, label, our_name, prediction

CASES = [(name, task) for name in SETS for task in SPEC[name]['metrics']]


def evaluate(name: str, task: str) -> dict[str, float]:
    case, ours = SPEC[name], our_name(task)
    metric = {
        'semseg': SegmentationMetric(task='semseg'),
        'human_parts': SegmentationMetric(task='human_parts'),
        'depth': DepthErrorMetric(),
        'normals': NormalsMetric(),
        'sal': SaliencyMetric(protocol='mti-net'),
    }[task]
    names = tuple(map(str, range(case['tasks'][task])))
    metric.dataset_meta = {'classes': names, 'human_parts_classes': names}
    logits = prediction(case['predictions'][f'final/{task}'])
    evaluator = Evaluator([metric])
    for maps, target in zip(logits, label(name, task), strict=True):
        sample = MultiTaskDataSample()
        sample.set_gt(ours, target)
        sample.set_pred(ours, get_task(ours).kind.decode(maps))
        evaluator.process([sample])
    return evaluator.evaluate(len(logits))


@pytest.mark.parametrize(('name', 'task'), CASES)
def test_metrics(name: str, task: str) -> None:
    found, want = evaluate(name, task), SPEC[name]['metrics'][task]
    ours = our_name(task)
    if 'mIoU' in want:
        value = found[f'{ours}/mIoU']
        assert value == pytest.approx(100 * want['mIoU'], rel=1e-6)
    elif task == 'depth':
        # 1e-9 is the released floor under a predicted depth; ours is 1e-3,
        # below what any data set holds, which moves the logarithm only.
        assert found['depth/rmse'] == pytest.approx(want['rmse'], rel=1e-6)
    elif task == 'normals':
        # The released code takes labels as they are, ours have length 1. The
        # fixture stores half precision, off by some 1e-4 of the length.
        assert found['normals/mean_err'] == pytest.approx(
            want['mean'], abs=3e-4
        )
        valid = label(name, task).abs().sum(1).count_nonzero().item()
        for limit in ('11.25', '22.5', '30'):
            # So one pixel may lie on the other side of a limit.
            assert found[f'normals/within_{limit}'] == pytest.approx(
                want[limit], abs=101 / valid
            )
    else:
        assert found['saliency/maxF'] == pytest.approx(
            100 * want['maxF'], rel=1e-6
        )
