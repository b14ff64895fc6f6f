"""Pictures of tasks that are not built in, several of one kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmmtl.tasks import get_task, register_task, register_tasks
from mmmtl.visualization import (
    PAINTERS,
    cells_of_sample,
    display_range,
    paint,
    register_painter,
)

H, W = 32, 128
META = dict(
    classes=('wall', 'floor'),
    palette=((250, 0, 0), (0, 250, 0)),
    materials_classes=('wood', 'stone'),
    materials_palette=((0, 0, 250), (250, 250, 0)),
)


class Sample:
    """What a page asks of a sample: labels and predictions by task."""

    def __init__(self, *tasks: str) -> None:
        self.maps = {}
        for task in tasks:
            kind = get_task(task).kind
            half = torch.zeros(kind.components, H, W)
            half[..., W // 2 :] = 1
            self.maps[task] = half.to(kind.dtype), half.to(kind.pred_dtype)

    def has_gt(self, task: str) -> bool:
        return task in self.maps

    has_pred = has_gt

    def get_gt(self, task: str) -> torch.Tensor:
        return self.maps[task][0]

    def get_pred(self, task: str) -> torch.Tensor:
        return self.maps[task][1]


@pytest.fixture(autouse=True)
def _own_rows() -> None:
    register_tasks(
        dict(
            materials=dict(kind='classes'),
            cracks=dict(kind='binary'),
            puddles=dict(kind='binary'),
            height=dict(kind='scalar', unit='m'),
        )
    )


IMAGE = np.zeros((H, W, 3), np.uint8)


def test_two_class_maps_have_palettes_and_legends_of_their_own() -> None:
    sample = Sample('semseg', 'materials')
    rows = cells_of_sample(IMAGE, sample, dataset_meta=META)
    titles = [[cell and cell.title for cell in row] for row in rows]
    assert titles == [
        ['image', 'semseg, truth', 'materials, truth', 'materials classes'],
        ['classes', 'semseg, predicted', 'materials, predicted', None],
    ]
    semseg, materials, legend = rows[0][1:]
    assert semseg.picture[0, [0, -1]].tolist() == [[250, 0, 0], [0, 250, 0]]
    found = materials.picture[0, [0, -1]].tolist()
    assert found == [[0, 0, 250], [250, 250, 0]]
    swatches = legend.picture[:, :10].reshape(-1, 3).tolist()
    assert [250, 250, 0] in swatches
    assert [0, 250, 0] not in swatches
    # Ids are never averaged.
    assert not materials.smooth
    # A task without a list of classes has no legend, whatever others have.
    meta = {key: META[key] for key in META if key != 'classes'}
    rows = cells_of_sample(IMAGE, sample, dataset_meta=meta)
    assert rows[1][0].title == 'materials classes'
    assert len(rows[0]) == 3


def test_a_legend_has_the_colours_of_the_painter() -> None:
    """Body parts without a palette: 0 is the grey of the background."""
    meta = dict(human_parts_classes=('none', 'head'))
    rows = cells_of_sample(IMAGE, Sample('human_parts'), dataset_meta=meta)
    label, legend = rows[0][1], rows[1][0]
    swatches = legend.picture[:, :10].reshape(-1, 3).tolist()
    for colour in label.picture[0, [0, -1]].tolist():
        assert colour in swatches


def test_two_masks_stand_side_by_side() -> None:
    rows = cells_of_sample(IMAGE, Sample('cracks', 'puddles'))
    for cell in rows[1][1:]:
        assert cell.picture[0, [0, -1]].tolist() == [[0] * 3, [255] * 3]
        assert cell.smooth
    assert [cell.title for cell in rows[0][1:]] == [
        'cracks, truth',
        'puddles, truth',
    ]


@pytest.mark.parametrize(
    ('low', 'high', 'title'),
    [
        (10.0, 30.0, 'height 10.0-30.0 m'),
        (-3.0, 4.0, 'height -3.0 to 4.0 m'),
        (0.0, 0.02, 'height 0-0.02 m'),
    ],
)
def test_a_scalar_says_its_range_in_its_unit(
    low: float, high: float, title: str
) -> None:
    sample = Sample('height')
    label = torch.full((1, H, W), low)
    label[..., W // 2 :] = high
    sample.maps['height'] = (label, label)
    rows = cells_of_sample(IMAGE, sample, draw_pred=False)
    assert rows[0][1].title == title
    # The two ends of the colours: black and nearly white.
    brightness = rows[0][1].picture[0, [0, -1]].astype(int).sum(-1)
    assert brightness[0] < 10
    assert brightness[1] > 550


def test_a_kind_that_knows_its_smallest_value_starts_there() -> None:
    register_task('rust', kind='scalar', low=0.0)
    values = np.linspace(2, 3, 1001).reshape(7, 143)
    assert display_range('rust', values) == pytest.approx((0, 2.995))
    assert display_range('height', values) == pytest.approx((2.005, 2.995))
    # Grey pictures of what has no known range take that of the map too.
    register_task('wear', kind='scalar', painter='grey')
    painted = paint('wear', values)
    assert painted[0, 0].tolist() == [0] * 3
    assert painted[-1, -1].tolist() == [255] * 3


def test_a_painter_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        'mmmtl.visualization.painters.PAINTERS', known := dict(PAINTERS)
    )

    @register_painter('red', ends=lambda kind, found: (0, found.max()))
    def paint_red(values, valid, palette, value_range):
        picture = np.zeros((*valid.shape, 3), np.uint8)
        picture[..., 0] = 250 * values[0] / value_range[1]
        return picture

    assert 'red' in known
    register_task('fire', kind='scalar', unit='K', painter='red')
    values = np.array([[100.0, 200.0]])
    assert paint('fire', values)[0].tolist() == [[125, 0, 0], [250, 0, 0]]
    cell = cells_of_sample(IMAGE, Sample('fire'), draw_pred=False)[0][1]
    assert cell.title == 'fire 0.0-1.0 K'
    register_task('smoke', kind='scalar', painter='rd')
    with pytest.raises(ValueError, match="painter 'rd': did you mean 'red'"):
        paint('smoke', values)
