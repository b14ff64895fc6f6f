from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmmtl.apis import MultiTaskInferencer
from mmmtl.visualization import paint
from mmmtl.visualization.picture_grid import GridLayout


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


def assert_formulas(maps: dict[str, np.ndarray], image: np.ndarray) -> None:
    """Check the maps against the formulas of the model, in their units."""
    blue, green, red = image.astype(np.float64).transpose(2, 0, 1)
    assert list(maps) == ['semseg', 'depth', 'normals', 'edge']
    np.testing.assert_array_equal(maps['semseg'], red > blue)
    assert maps['semseg'].dtype == np.int64
    np.testing.assert_allclose(maps['depth'], blue / 50, rtol=1e-6)
    vectors = np.stack([red, green, -1 - blue], -1)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    np.testing.assert_allclose(maps['normals'], vectors, atol=1e-6)
    probability = 1 / (1 + np.exp(128 - green))
    np.testing.assert_allclose(maps['edge'], probability, atol=1e-6)
    for task in ('depth', 'normals', 'edge'):
        assert maps[task].dtype == np.float32


def test_one_array_gives_maps_in_real_units_at_its_size(
    inferencer: MultiTaskInferencer, image: np.ndarray
) -> None:
    given = image.copy()
    maps = inferencer(given)
    assert_formulas(maps, image)
    assert (given == image).all()


def test_a_transform_that_works_in_place_spares_the_callers_array(
    inferencer: MultiTaskInferencer, image: np.ndarray
) -> None:
    def blacken(results: dict) -> dict:
        results['img'][:] = 0
        return results

    inferencer.pipeline._steps.insert(0, blacken)
    given = image.copy()
    assert (inferencer(given)['depth'] == 0).all()
    assert (given == image).all()


def test_path_list_and_folder_give_the_same_maps(
    inferencer: MultiTaskInferencer, image: np.ndarray, picture: Path
) -> None:
    assert_formulas(inferencer(picture), image)
    assert_formulas(inferencer(str(picture)), image)
    (only,) = inferencer(picture.parent)
    assert_formulas(only, image)
    for maps in inferencer([image, picture]):
        assert_formulas(maps, image)


def test_batches_of_pictures_of_several_sizes(
    inferencer: MultiTaskInferencer,
) -> None:
    """The model looks at single pixels, so no padding may be felt."""
    rng = np.random.default_rng(1)
    sizes = [(1, 1), (3, 400), (40, 31), (200, 2), (20, 30)]
    images = [rng.integers(0, 256, (*s, 3), np.uint8) for s in sizes]
    for batch_size in (1, 2, 5):
        results = inferencer(images, batch_size=batch_size)
        for image, maps in zip(images, results, strict=True):
            assert_formulas(maps, image)


@pytest.mark.parametrize('flag', ['grey', 'alpha', 'deep'])
def test_files_of_other_channels_are_read_as_colour(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    tmp_path: Path,
    flag: str,
) -> None:
    path, expected = tmp_path / 'x.png', image
    if flag == 'grey':
        cv2.imwrite(str(path), image[..., 0])
        expected = np.repeat(image[..., :1], 3, -1)
    elif flag == 'alpha':
        cv2.imwrite(str(path), np.dstack([image, image[..., 0]]))
    else:
        cv2.imwrite(str(path), image.astype(np.uint16) * 256)
    assert_formulas(inferencer(path), expected)


def test_pages_and_maps_are_written(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    picture: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / 'out'
    maps = inferencer(picture, out_dir=out, save_maps=True)
    page = cv2.imread(str(out / 'picture.png'))[..., ::-1]
    # 25 pixels become 150: the first multiple from 128 on.
    height, width = 17 * 6, 25 * 6
    depth = paint('depth', maps['depth']).repeat(6, 0).repeat(6, 1)
    for column, drawn in (
        (0, image[..., ::-1].repeat(6, 0).repeat(6, 1)),
        (2, depth),
    ):
        y, x = GridLayout((height, width)).corner(0, column)
        assert (page[y : y + height, x : x + width] == drawn).all()
    stored = cv2.imread(str(out / 'maps/semseg/picture.png'), -1)
    assert (stored == maps['semseg']).all()
    for task in ('depth', 'normals', 'edge'):
        stored = np.load(out / 'maps' / task / 'picture.npy')
        assert (stored == maps[task]).all()


def test_without_a_folder_nothing_is_written(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    inferencer([image])
    assert not list(Path.cwd().iterdir())


def test_tasks_choose_maps_and_their_order(
    inferencer: MultiTaskInferencer, image: np.ndarray, tmp_path: Path
) -> None:
    maps = inferencer(
        image, tasks=['edge', 'depth'], out_dir=tmp_path, save_maps=True
    )
    assert list(maps) == ['edge', 'depth']
    stored = {path.name for path in (tmp_path / 'maps').iterdir()}
    assert stored == {'edge', 'depth'}
    # The page has the image and two maps of 150 x 102 pixels, no more.
    page = cv2.imread(str(tmp_path / 'array.png'))
    assert page.shape[:2] == GridLayout((17 * 6, 25 * 6)).page(1, 3)


def test_data_samples_are_returned_on_request(
    inferencer: MultiTaskInferencer, image: np.ndarray
) -> None:
    sample = inferencer(image, return_datasamples=True)
    depth = sample.get_pred('depth')[0].numpy()
    np.testing.assert_allclose(depth, image[..., 0] / 50, rtol=1e-6)


def test_stream_computes_one_batch_at_a_time(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    step = inferencer.model.test_step
    monkeypatch.setattr(
        inferencer.model,
        'test_step',
        lambda data: calls.append(len(data['inputs'])) or step(data),
    )
    results = inferencer.stream([image] * 3, batch_size=2)
    assert calls == []
    assert next(results).name == 'array'
    assert calls == [2]
    assert [result.name for result in results] == ['array_2', 'array_3']
    assert calls == [2, 1]


def test_several_pictures_show_progress(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    capsys: pytest.CaptureFixture,
) -> None:
    inferencer([image, image])
    shown = capsys.readouterr().err
    assert '2/2' in shown
    assert shown.endswith('\n')
    inferencer(image)
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(batch_size=0), 'batch_size=0'),
        (dict(tasks=['deth']), "'depth'"),
        (dict(tasks=['saliency']), r"does not predict \['saliency'\]"),
        (dict(save_maps=True), 'save_maps needs an out_dir'),
    ],
)
def test_wrong_options_are_refused_at_once(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    options: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        inferencer.stream(image, **options)


@pytest.mark.parametrize('content', [b'', b'no picture', b'\x89PNG\r\n'])
def test_unreadable_file_is_named_and_leaves_nothing(
    inferencer: MultiTaskInferencer, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / 'bad.png'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'cannot read .*bad\.png'):
        inferencer(path, out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('options', [dict(batch_size=2), dict(tile=8)])
def test_the_others_go_on_where_a_picture_is_broken(
    inferencer: MultiTaskInferencer, tmp_path: Path, options: dict
) -> None:
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number, name in enumerate('abcd'):
        pixels = np.full((9, 12, 3), 50 * number, np.uint8)
        cv2.imwrite(str(folder / f'{name}.png'), pixels)
    (folder / 'a.png').write_bytes(b'')
    cut = (folder / 'c.png').read_bytes()[:40]
    (folder / 'c.png').write_bytes(cut)
    errors: list[ValueError] = []
    options = dict(out_dir=tmp_path, on_broken=errors.append, **options)
    results = list(inferencer.stream(folder, **options))
    assert [result.name for result in results] == ['b', 'd']
    assert [result.maps['depth'].max() for result in results] == [1, 3]
    assert results[0].data_sample.img_path == str(folder / 'b.png')
    told = [str(error).split(' as a ')[0] for error in errors]
    assert told == [f'cannot read {folder / name}.png' for name in 'ac']
    # They are not done.
    cv2.imwrite(str(folder / 'c.png'), np.full((9, 12, 3), 100, np.uint8))
    results = inferencer.stream(folder, resume=True, **options)
    assert [result.name for result in results] == ['c']
    assert len(errors) == 3


def test_a_config_without_test_pipeline_is_refused(
    pixel_config: Path,
) -> None:
    options = {'test_dataloader.dataset.pipeline': []}
    with pytest.raises(ValueError, match=r'one LoadImage.* found \[\]'):
        MultiTaskInferencer(pixel_config, cfg_options=options)


def test_a_pipeline_that_loads_no_image_is_refused(
    pixel_config: Path,
) -> None:
    steps = [dict(type='PackMultiTaskInputs')]
    options = {'test_dataloader.dataset.pipeline': steps}
    with pytest.raises(ValueError, match=r"found \['PackMultiTaskInputs'\]"):
        MultiTaskInferencer(pixel_config, cfg_options=options)


def test_a_page_never_replaces_an_input(
    inferencer: MultiTaskInferencer, image: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / 'photos'
    folder.mkdir()
    path = folder / 'photo.png'
    cv2.imwrite(str(path), image)
    before = path.read_bytes()
    for inputs in (path, folder, [path]):
        with pytest.raises(ValueError, match='would replace the picture'):
            inferencer(inputs, out_dir=folder)
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]
