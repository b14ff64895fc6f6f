from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmmtl.registry import VISUALIZERS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS
from mmmtl.visualization import (
    MultiTaskVisualizer,
    cells_of_sample,
    paint,
    write_picture,
)
from mmmtl.visualization.picture_grid import GridLayout

H, W = 32, 128  # from 128 on a picture is drawn pixel for pixel
META = dict(
    classes=('wall', 'floor'),
    palette=((250, 0, 0), (0, 250, 0)),
    human_parts_palette=((1, 1, 1), (0, 0, 250)),
)


def make_sample(*tasks: str, gt: bool, pred: bool) -> MultiTaskDataSample:
    """A sample whose predictions differ from its labels everywhere."""
    sample = MultiTaskDataSample()
    for task in tasks:
        kind = TASKS[task].kind
        values = torch.zeros(kind.components, H, W)
        values[-1, :, W // 2 :] = 1
        if gt:
            sample.set_gt(task, (1 + values).to(kind.dtype) - 1)
        if pred:
            sample.set_pred(task, (1 - values).to(kind.pred_dtype))
    return sample


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


def cut(page: np.ndarray, row: int, column: int) -> np.ndarray:
    y, x = GridLayout((H, W)).corner(row, column)
    return page[y : y + H, x : x + W]


def test_page_has_labels_above_predictions_in_the_data_sets_colours(
    image: np.ndarray,
) -> None:
    sample = make_sample('normals', 'semseg', gt=True, pred=True)
    visualizer = MultiTaskVisualizer('page')
    visualizer.dataset_meta = META
    page = visualizer.draw(image, sample)
    assert (cut(page, 0, 0) == image).all()
    # In the order of the task table, not of the sample.
    label = cut(page, 0, 1)
    assert (label[:, : W // 2] == (250, 0, 0)).all()
    assert (label[:, W // 2 :] == (0, 250, 0)).all()
    assert (cut(page, 1, 1) == label[:, ::-1]).all()
    normals = sample.get_gt('normals').numpy()
    assert (cut(page, 0, 2) == paint('normals', normals)).all()
    assert page.shape[:2] == GridLayout((H, W)).page(2, 3)


def test_legend_names_the_classes_that_occur(image: np.ndarray) -> None:
    sample = make_sample('semseg', gt=True, pred=True)
    rows = cells_of_sample(image, sample, dataset_meta=META)
    legend = rows[1][0]
    assert legend.title == 'classes'
    swatches = legend.picture[:, :10].reshape(-1, 3).tolist()
    assert [250, 0, 0] in swatches
    assert [0, 250, 0] in swatches
    sample.get_gt('semseg')[:] = 255
    sample.get_pred('semseg')[:] = 1
    legend = cells_of_sample(image, sample, dataset_meta=META)[1][0]
    assert [250, 0, 0] not in legend.picture[:, :10].reshape(-1, 3).tolist()


def test_label_and_prediction_of_depth_share_one_range(
    image: np.ndarray,
) -> None:
    sample = MultiTaskDataSample()
    label = torch.linspace(1, 3, H * W).view(1, H, W)
    sample.set_gt('depth', label)
    sample.set_pred('depth', 2 * label)
    (_, gt), (_, pred) = cells_of_sample(image, sample)
    # On the label's range the deepest half of the prediction is "far".
    farthest = gt.picture[-1, -1]
    assert (pred.picture[H // 2 + 1 :] == farthest).all()
    assert gt.title == 'depth 1.0-3.0 m, truth'


def test_one_kind_of_map_follows_the_image_in_one_row(
    image: np.ndarray,
) -> None:
    sample = make_sample('semseg', 'edge', gt=True, pred=True)
    for kind in ('gt', 'pred'):
        (row,) = cells_of_sample(
            image,
            sample,
            draw_gt=kind == 'gt',
            draw_pred=kind == 'pred',
            tasks=['edge', 'semseg'],
        )
        assert [cell.title for cell in row] == ['image', 'edge', 'semseg']
        edge = getattr(sample, f'get_{kind}')('edge').numpy()
        assert (row[1].picture == paint('edge', edge)).all()


def test_nine_tasks_stand_in_two_bands(image: np.ndarray) -> None:
    sample = make_sample(*TASKS, gt=True, pred=True)
    rows = cells_of_sample(image, sample)
    titles = [[cell and cell.title.split()[0] for cell in r] for r in rows]
    names = list(TASKS)
    assert [len(row) for row in rows] == [6, 6, 5, 5]
    assert [t.strip(',') for t in titles[0][1:]] == names[:5]
    assert [t.strip(',') for t in titles[3][1:]] == names[5:]
    assert titles[2][0] is None


def test_half_precision_predictions_are_drawn(image: np.ndarray) -> None:
    sample = MultiTaskDataSample()
    depth = torch.full((1, H, W), 2.0, dtype=torch.bfloat16)
    sample.set_pred('depth', depth)
    cell = cells_of_sample(image, sample)[0][1]
    assert (cell.picture == paint('depth', depth.float().numpy())).all()


def test_every_process_knows_the_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('mmengine.dist.utils.is_main_process', lambda: False)
    visualizer = MultiTaskVisualizer('rank_1')
    visualizer.dataset_meta = META
    assert visualizer.dataset_meta is META


def test_page_goes_to_a_file(image: np.ndarray, tmp_path: Path) -> None:
    sample = make_sample('edge', gt=True, pred=True)
    visualizer = MultiTaskVisualizer('file')
    path = tmp_path / 'new' / 'page.png'
    visualizer.add_datasample('x', image, sample, out_file=path)
    read = cv2.imread(str(path))[..., ::-1]
    assert (read == visualizer.draw(image, sample)).all()


def test_page_goes_to_every_back_end(
    image: np.ndarray, tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    visualizer = VISUALIZERS.build(
        dict(
            type='MultiTaskVisualizer',
            name='back_ends',
            save_dir=str(tmp_path),
            vis_backends=[
                dict(type='LocalVisBackend'),
                dict(type='TensorboardVisBackend'),
            ],
        )
    )
    sample = make_sample('depth', gt=True, pred=True)
    visualizer.add_datasample('val_1', image, sample, step=7)
    visualizer.close()
    page = visualizer.draw(image, sample)
    local = tmp_path / 'vis_data' / 'vis_image' / 'val_1_7.png'
    assert (cv2.imread(str(local))[..., ::-1] == page).all()
    events = EventAccumulator(str(tmp_path / 'vis_data')).Reload()
    (event,) = events.Images('val_1')
    assert event.step == 7
    code = np.frombuffer(event.encoded_image_string, np.uint8)
    logged = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    assert (logged == page).all()


def test_maps_of_another_size_than_the_image_are_refused(
    image: np.ndarray,
) -> None:
    sample = make_sample('edge', gt=True, pred=False)
    with pytest.raises(ValueError, match='one size'):
        MultiTaskVisualizer('size').draw(image[1:], sample)


def test_unknown_picture_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\.pngg'"):
        write_picture(tmp_path / 'a.pngg', np.zeros((4, 4, 3), np.uint8))
    assert not list(tmp_path.iterdir())
