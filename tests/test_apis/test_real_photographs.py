"""What the model that comes with the package sees in photographs.

``MMMTL_REAL_DATA=FOLDER pytest -s -m slow tests/test_apis/
test_real_photographs.py`` prints the figures of
``mmmtl/zoo/rooms-lite0/README.md``. None of these pictures was trained on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmmtl.apis import MultiTaskInferencer
from mmmtl.datasets import TaskonomyDataset
from mmmtl.evaluation.functional.normals import angles
from mmmtl.rooms import CLASSES
from mmmtl.zoo import shipped_models
from tests.test_datasets.real_data import real_folder

NAME = 'rooms-lite0'
TASKS = ['depth', 'normals', 'reshading']
STEPS = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]
VIEWS = {
    'hm3d': ['point_0_view_3', 'point_7_view_1', 'point_12_view_1'],
    'taskonomy': ['point_202_view_5'],
}
# NYUv2's 13 classes, 1 .. 13, as far as the rooms have them.
NYU13 = dict(
    bed=[1],
    chair=[4],
    ceiling=[3],
    floor=[5],
    picture=[8],
    sofa=[9],
    table=[10],
    wall=[12],
    window=[13],
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        NAME not in shipped_models(), reason=f'{NAME} is not published yet'
    ),
]


@pytest.fixture(scope='module')
def infer() -> MultiTaskInferencer:
    return MultiTaskInferencer(NAME, device='cpu')


def load(folder: Path, tmp_path: Path, view: str) -> dict[str, Any]:
    (tmp_path / 'one.txt').write_text(view)
    scale = dict(depth_scale=4096) if folder.name == 'hm3d' else {}
    return TaskonomyDataset(
        folder,
        split='one',
        split_root=tmp_path,
        layout='flat',
        tasks=TASKS,
        pipeline=STEPS,
        **scale,
    )[0]


def scores(maps: dict[str, np.ndarray], labels: dict) -> dict[str, float]:
    """Figures of one picture; depth also with the best common factor."""
    depth, label = maps['depth'], labels['depth']
    seen = label > 0
    ratio = np.median(label[seen]) / np.median(depth[seen])
    error = np.abs(ratio * depth - label)[seen] / label[seen]
    normals = angles(
        np.moveaxis(maps['normals'], -1, 0)[:, seen],
        np.moveaxis(labels['normals'], -1, 0)[:, seen],
    )
    shade = np.abs(maps['reshading'] - labels['reshading'])
    return dict(
        rmse=float(np.sqrt(np.mean((depth - label)[seen] ** 2))),
        scaled_abs_rel=float(error.mean()),
        normals=float(normals.mean()),
        reshading=float(np.nanmean(shade)),
    )


def flat(labels: dict) -> dict[str, np.ndarray]:
    """The best constant answers, which know the labels."""
    seen = labels['depth'] > 0
    normal = labels['normals'][seen].mean(0)
    return dict(
        depth=np.full(seen.shape, np.median(labels['depth'][seen])),
        normals=np.broadcast_to(normal, (*seen.shape, 3)),
        reshading=np.full(seen.shape, np.nanmedian(labels['reshading'])),
    )


@pytest.mark.parametrize('name', VIEWS)
def test_geometry_beats_constants_that_know_the_answer(
    infer: MultiTaskInferencer, tmp_path: Path, name: str
) -> None:
    found, constant = [], []
    for view in VIEWS[name]:
        item = load(real_folder(name), tmp_path, view)
        maps = infer(item['img'])
        found.append(scores(maps, item['labels']))
        constant.append(scores(flat(item['labels']), item['labels']))
    for title, rows in (('model', found), ('constant', constant)):
        mean = {k: np.mean([row[k] for row in rows]) for k in rows[0]}
        print(name, title, {k: round(float(v), 3) for k, v in mean.items()})
    for key in ('scaled_abs_rel', 'normals'):
        ours = np.mean([row[key] for row in found])
        assert ours < np.mean([row[key] for row in constant]), key


def test_classes_of_nyu_frames(infer: MultiTaskInferencer) -> None:
    """Mean intersection over union of the nine classes that both have."""
    folder = real_folder('nyuv2') / 'semseg13'
    joint, either = np.zeros(len(NYU13)), np.zeros(len(NYU13))
    for path in sorted((folder / 'rgb').iterdir()):
        (label_path,) = (folder / 'label13').glob(f'{path.stem}.*')
        label = cv2.imread(str(label_path), cv2.IMREAD_UNCHANGED)
        ids = infer(path, tasks=['semseg'])['semseg']
        for place, (own, theirs) in enumerate(NYU13.items()):
            a = (ids == CLASSES.index(own)) & (label > 0)
            b = np.isin(label, theirs)
            joint[place] += (a & b).sum()
            either[place] += (a | b).sum()
    share = joint / np.maximum(either, 1)
    print({k: round(float(v), 3) for k, v in zip(NYU13, share, strict=True)})
    print('mIoU', round(float(share.mean()), 3))
    assert share.mean() > 0.1  # wall alone everywhere has 0.03
