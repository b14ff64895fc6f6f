from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import Tensor

from mmmtl.apis import MultiTaskInferencer
from mmmtl.apis.tiles import Tiling, predict_tiles, span_weights, spans
from mmmtl.errors import UserError
from mmmtl.tasks import Kind, Primary, register_kind, register_task
from tests.own_tasks import own_table
from tests.test_apis.test_multi_task_inferencer import assert_formulas
from tests.tiny import demt

Soft = list[dict[str, Tensor]]


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


def one_task(task: str, answer: Callable[[np.ndarray], Tensor]) -> Callable:
    def predict(tiles: Sequence[np.ndarray]) -> Soft:
        return [{task: answer(tile)} for tile in tiles]

    return predict


@pytest.mark.parametrize('length', [1, 7, 8, 9, 15, 16, 17, 31, 100, 101])
@pytest.mark.parametrize(('tile', 'overlap'), [(8, 0), (8, 3), (8, 7), (1, 0)])
def test_every_pixel_is_covered_and_weights_fit(
    length: int, tile: int, overlap: int
) -> None:
    found = spans(length, tile, overlap)
    total = torch.zeros(length)
    count = torch.zeros(length)
    for (start, stop), weight in zip(found, span_weights(found), strict=True):
        assert 0 <= start < stop <= length
        assert stop - start == min(tile, length)
        assert (weight > 0).all()
        total[start:stop] += weight
        count[start:stop] += 1
    assert (count > 0).all()
    for (_, stop), (start, _) in pairwise(found):
        assert stop - start >= overlap
    # Two neighbours share each pixel of a seam, and nothing is lost.
    torch.testing.assert_close(
        total[count < 3], torch.ones_like(total)[count < 3]
    )


def test_shares_of_all_tiles_add_up_to_one_everywhere() -> None:
    """A tile that says 1 among others that say 0 shows its share."""
    image = np.zeros((37, 53, 3), np.uint8)
    tiling = Tiling.of((16, 24), 11)  # up to three tiles over each other
    number = len(spans(37, 16, 11)) * len(spans(53, 24, 11))
    shares = []
    for chosen in range(number):
        calls = iter(range(number))
        maps = predict_tiles(
            one_task(
                'depth',
                lambda tile, chosen=chosen, calls=calls: torch.full(
                    (1, *tile.shape[:2]), float(next(calls) == chosen)
                ),
            ),
            image,
            tiling,
        )
        shares.append(maps['depth'])
    total = torch.stack(shares).sum(0)
    torch.testing.assert_close(total, torch.ones(1, 37, 53))


@pytest.mark.parametrize('task', ['semseg', 'depth', 'normals', 'edge'])
def test_a_constant_model_has_no_seams(task: str) -> None:
    """Bit for bit: no sum is divided by a sum of weights."""
    soft = {
        'semseg': torch.tensor([0.3, 0.1, 0.6]),
        'depth': torch.tensor([2.7]),
        'normals': torch.tensor([0.36, -0.48, -0.8]),
        'edge': torch.tensor([0.1]),
    }[task][:, None, None]
    image = np.zeros((37, 53, 3), np.uint8)
    maps = predict_tiles(
        one_task(task, lambda tile: soft.expand(-1, *tile.shape[:2])),
        image,
        Tiling.of((16, 24), 5),
        batch_size=2,
    )
    assert maps[task].shape[1:] == (37, 53)
    assert (maps[task] == maps[task][:, :1, :1]).all()
    if task != 'semseg':
        torch.testing.assert_close(
            maps[task][:, 0, 0], soft[:, 0, 0], rtol=0, atol=1e-7
        )
    else:
        assert maps[task].dtype == torch.int64
        assert (maps[task] == 2).all()


@pytest.mark.parametrize('batch_size', [1, 3])
@pytest.mark.parametrize('overlap', [None, 0, 7])
@pytest.mark.parametrize('size', [(17, 25), (33, 9), (20, 30), (61, 83)])
def test_a_model_of_single_pixels_gives_what_it_gives_untiled(
    inferencer: MultiTaskInferencer,
    size: tuple[int, int],
    overlap: int | None,
    batch_size: int,
) -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    maps = inferencer(
        image, tile=(16, 20), tile_overlap=overlap, batch_size=batch_size
    )
    assert_formulas(maps, image)


def test_tiles_blend_over_the_seam_alone() -> None:
    """Tiles that disagree by d meet without a step larger than d / overlap.

    The model shifts each tile by its own mean, as networks do whose scale
    comes from what they see: on a ramp of slope 1 two neighbours, 16 columns
    apart, disagree by 16. Cut hard, the map jumps by 15; over 8 columns it
    blends by 2 in each, on top of the slope.
    """
    ramp = np.arange(56, dtype=np.float32)
    image = np.repeat(np.tile(ramp, (10, 1))[..., None], 3, -1)

    def answer(tile: np.ndarray) -> Tensor:
        values = torch.from_numpy(tile[..., 0].copy())
        return (values - values.mean())[None] + 100

    blended, cut = (
        predict_tiles(
            one_task('depth', answer),
            image[:, :length],
            Tiling.of((10, tile), overlap),
        )['depth'][0, 0]
        for length, tile, overlap in ((56, 24, 8), (48, 16, 0))
    )
    steps = blended.diff()
    assert steps.abs().max() <= 16 / 8
    assert cut.diff().abs().max() == pytest.approx(15)
    alone = torch.ones(55, dtype=torch.bool)
    alone[15:24] = alone[31:40] = False  # seams at columns 16 to 23, 32 to 39
    torch.testing.assert_close(steps[alone], torch.ones(alone.sum()))


def test_one_tile_is_the_untiled_prediction_bit_for_bit() -> None:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='PackMultiTaskInputs'),
    ]
    model = MultiTaskInferencer(
        Config(dict(model=demt(), test_pipeline=pipeline)), device='cpu'
    )
    image = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    want = model(image)
    for tile in (96, (64, 96), 5000):
        maps = model(image, tile=tile)
        for task, values in want.items():
            np.testing.assert_array_equal(maps[task], values)
    # With a network that looks around: the same sizes and units, tasks and
    # files; and batches change nothing.
    maps = model(image, tile=48, tasks=['normals', 'semseg'])
    assert list(maps) == ['normals', 'semseg']
    assert maps['semseg'].dtype == np.int64
    assert maps['semseg'].shape == (64, 96)
    lengths = np.linalg.norm(maps['normals'], axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    again = model(image, tile=48, batch_size=4)
    np.testing.assert_allclose(again['normals'], maps['normals'], atol=1e-4)


@dataclass(frozen=True)
class Compass(Kind):
    """Degrees; blended are cosine and sine."""

    no_label = float('nan')
    loss = metric = {'type': 'none'}
    primary = Primary('none')
    painter = 'grey'

    def out_channels(self, num_classes: int | None) -> tuple[int, ...]:
        return (2,)

    def activate(self, logits: Tensor) -> Tensor:
        return logits

    def finalize(self, soft: Tensor) -> Tensor:
        return torch.atan2(soft[1], soft[0]).rad2deg()[None]

    def read(self, stored: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    statistics = best_constant = read


def test_a_kind_from_outside_is_blended_as_it_says() -> None:
    """Directions of 350 and 10 degrees meet at 0, not at 180."""
    angles = iter(torch.deg2rad(torch.tensor([350.0, 10.0])))

    def answer(tile: np.ndarray) -> Tensor:
        angle = next(angles)
        vector = torch.stack([angle.cos(), angle.sin()])
        return vector[:, None, None].expand(-1, *tile.shape[:2])

    with own_table():
        register_kind('compass')(Compass)
        register_task('heading', kind='compass')
        maps = predict_tiles(
            one_task('heading', answer),
            np.zeros((4, 12, 3), np.uint8),
            Tiling.of(8, 4),
        )
    found = maps['heading'][0, 0]
    assert found[0] == pytest.approx(-10, abs=1e-3)
    assert found[-1] == pytest.approx(10, abs=1e-3)
    assert (found.diff() > -1e-3).all()
    assert float(found[5] + found[6]) == pytest.approx(0, abs=1e-3)


def test_pages_of_tiled_pictures_are_painted_small(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted = []
    draw = inferencer.visualizer.draw
    monkeypatch.setattr(
        inferencer.visualizer,
        'draw',
        lambda image, sample, **options: (
            painted.append(
                (image.shape[1], sample.get_pred('depth').shape[-1])
            )
            or draw(image, sample, **options)
        ),
    )
    image = np.zeros((40, 2700, 3), np.uint8)
    image[..., 0] = 100
    inferencer(image, tile=1000, out_dir=tmp_path, save_maps=True)
    assert np.load(tmp_path / 'maps/depth/array.npy').shape == (40, 2700)
    page = cv2.imread(str(tmp_path / 'array.png'))
    assert page.shape[1] > 3 * 640
    assert painted == [(1350, 1350)]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(tile=0), 'tile=0'),
        (dict(tile=(4, 5, 6)), r'tile=\(4, 5, 6\)'),
        (dict(tile=16, tile_overlap=16), '0 to 15 pixels'),
        (dict(tile=16, tile_overlap=-1), 'tile_overlap=-1'),
    ],
)
def test_no_such_tiles(
    inferencer: MultiTaskInferencer, options: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        inferencer.stream(np.zeros((4, 4, 3), np.uint8), **options)
