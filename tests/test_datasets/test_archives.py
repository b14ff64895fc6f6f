"""Archives written by hand load, verify, train, and score as foreseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmmtl.datasets.verification.known_sets import find_set
from mmmtl.datasets.verification.verify import verify
from mmmtl.registry import DATASETS, EVALUATOR, MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from tests.test_datasets import archive_folders as archive
from tests.test_datasets.archive_folders import View
from tests.tiny import NYUD, PASCAL, demt

# Half a step of 2 / 255 in two components, in degrees.
BYTE_ERROR = float(np.degrees(np.arctan(2**0.5 / 255)))


@dataclass(frozen=True)
class Archive:
    """An archive, and what is known about it.

    Attributes:
        name: Of the data config and for the verification.
        write: Writes it; -1 with the normals the wrong way.
        view: From a number to what is seen.
        tasks: Its tasks.
        classes: Number of classes of semseg.
        normals_error: Mean angle between stored and true normals, degrees.
    """

    name: str
    write: Callable[[Path, int], Path]
    view: Callable[[int], View]
    tasks: tuple[str, ...]
    classes: int
    normals_error: float


ARCHIVES = [
    Archive(
        'nyud', archive.write_nyudv2, archive.nyud_view, NYUD, 40, BYTE_ERROR
    ),
    Archive(
        'nyud-mt', archive.write_nyud_mt, archive.nyud_view, NYUD, 40, 0.0
    ),
    Archive(
        'pascal-context',
        archive.write_pascal,
        archive.pascal_view,
        PASCAL,
        21,
        BYTE_ERROR,
    ),
]


@pytest.fixture(scope='module', params=ARCHIVES, ids=lambda a: a.name)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Archive, Path]:
    one = request.param
    return one, one.write(tmp_path_factory.mktemp('archive') / 'x', 1)


def known_answers(one: Archive, view: View) -> dict[str, Tensor]:
    """What the surfaces are, in our conventions; no label is looked at."""
    answers: dict[str, np.ndarray] = {
        'normals': archive.OUR_NORMALS[view.plane].transpose(2, 0, 1)
    }
    if one.tasks is NYUD:
        # 39 classes more: floor 1, ceiling 21, wall 0, picture 10.
        answers['semseg'] = np.array([1, 21, 0, 0, 0])[view.plane]
        answers['semseg'][view.patches == 1] = 10
        # What the second picture shows is not labelled: this must not count.
        answers['semseg'][view.patches == 2] = 39
        answers['depth'] = view.depth + 0.25
        answers['edge'] = archive.outlines(view.plane, view.patches)
    else:
        person = view.patches == 1
        answers['semseg'] = np.where(person, 15, 0)
        answers['human_parts'] = np.zeros(person.shape, int)
        for (_, value), (_, mask) in zip(
            archive.PARTS, archive.pascal_parts(view), strict=True
        ):
            answers['human_parts'][mask == 1] = value
        answers['saliency'] = person
        # On grass there are no normals: what stands there must not count.
        answers['normals'] = answers['normals'].copy()
        answers['normals'][:, view.patches == 2] = [[1], [0], [0]]
    return {
        task: torch.as_tensor(np.atleast_3d(a.T).T.copy())
        for task, a in answers.items()
    }


def with_answers(
    sample: MultiTaskDataSample, answers: dict[str, Tensor]
) -> MultiTaskDataSample:
    for task, answer in answers.items():
        whole = task in ('semseg', 'human_parts')
        sample.set_pred(task, answer.long() if whole else answer.float())
    return sample


def test_known_surfaces_score_what_they_must(
    repo_root: Path, made: tuple[Archive, Path]
) -> None:
    one, root = made
    file = repo_root / f'configs/_base_/datasets/{one.name}.py'
    settings = Config.fromfile(file).val_dataloader.dataset
    settings.data_root = str(root)
    (packed,) = build_in_scope(DATASETS, settings)
    sample = packed['data_samples']
    view = one.view(int(sample.sample_id[-4:]))
    answers = known_answers(one, view)
    metrics = {
        'semseg': dict(type='SegmentationMetric', empty_classes='skip'),
        'depth': dict(type='DepthErrorMetric'),
        'normals': dict(type='NormalsMetric'),
        'edge': dict(type='PixelEdgeMetric'),
        'human_parts': dict(
            type='SegmentationMetric',
            task='human_parts',
            empty_classes='skip',
        ),
        'saliency': dict(type='SaliencyMetric'),
    }
    evaluator = build_in_scope(
        EVALUATOR,
        dict(
            type='MultiTaskEvaluator',
            metrics=[metrics[task] for task in answers],
        ),
    )
    evaluator.dataset_meta = build_in_scope(DATASETS, settings).metainfo
    evaluator.process([with_answers(sample, answers)])
    scores = evaluator.evaluate(1)
    assert scores['normals/mean_err'] == pytest.approx(
        one.normals_error, abs=2e-3
    )
    assert scores['semseg/mIoU'] == 100
    if one.tasks is NYUD:
        assert scores['depth/rmse'] == pytest.approx(0.25, abs=1e-6)
        assert scores['edge/pixelF'] == 100
        assert (sample.get_gt('semseg') == 255).any()
    else:
        assert scores['human_parts/mIoU'] == 100
        assert scores['saliency/maxF'] == 100
        nowhere = (sample.get_gt('normals') == 0).all(0)
        np.testing.assert_array_equal(nowhere, view.patches == 2)
        # Boundaries between PASCAL-Context's classes, walls being one.
        edge = sample.get_gt('edge')[0].numpy() > 0
        truth = archive.outlines(archive.pascal_context(view))
        near = np.pad(truth, 1)
        near = np.lib.stride_tricks.sliding_window_view(near, (3, 3))
        assert edge.any()
        assert near.any((2, 3))[edge].all()


def test_nothing_is_wrong_with_it(made: tuple[Archive, Path]) -> None:
    one, root = made
    report = verify(root, find_set(one.name, root))
    assert report['problems'] == []
    assert report['notes'] == []
    assert report['samples'] == {'train': 2, 'val': 1}
    angle = report['statistics']['normals'].get('angle_to_depth')
    assert (angle is None) == (one.tasks is PASCAL)
    assert angle is None or angle < 0.5


@pytest.mark.parametrize('one', ARCHIVES, ids=lambda a: a.name)
def test_the_opposite_frame_is_named(one: Archive, tmp_path: Path) -> None:
    root = one.write(tmp_path / 'x', -1)
    report = verify(root, find_set(one.name, root), splits=['val'])
    found = {row['kind']: row['example'] for row in report['problems']}
    assert found.pop('facing away') == (
        '100% of the normals point away from the camera; these look like '
        "another frame: the opposite of the layout's, which is x left, y up, "
        'z towards the camera'
    )
    if one.tasks is NYUD:
        text = found.pop('disagree')
        assert text.startswith('180 degrees from the depth, median; these ')
        assert 'another frame: x right, y down, z forward, while the' in text
    assert found == {}


def test_a_step_of_training(
    repo_root: Path, made: tuple[Archive, Path]
) -> None:
    one, root = made
    file = repo_root / f'configs/_base_/datasets/{one.name}.py'
    settings = Config.fromfile(file).train_dataloader.dataset
    settings.data_root = str(root)
    dataset = build_in_scope(DATASETS, settings)
    classes = dict(semseg=one.classes, human_parts=7, saliency=2)
    config = demt(one.tasks)
    for task, row in config['decode_head']['tasks'].items():
        if 'out_channels' in row:
            row['out_channels'] = classes[task]
    torch.manual_seed(0)
    model = build_in_scope(MODELS, config).train()
    before = [p.detach().clone() for p in model.parameters()]
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-3))
    batch = pseudo_collate([dataset[0], dataset[1]])
    log = model.train_step(batch, wrapper)
    assert {key.split('.')[0] for key in log} >= set(one.tasks)
    assert all(torch.isfinite(torch.as_tensor(v)).all() for v in log.values())
    after = list(model.parameters())
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert np.mean(moved) > 0.9
    assert all(torch.isfinite(p).all() for p in after)
