"""``--gallery``: from pictures to one page, by command and from Python."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import mmmtl
from mmmtl.apis import MultiTaskInferencer
from mmmtl.cli.app import main
from mmmtl.errors import UserError
from tests.test_visualization.test_gallery import levels_of, records_of


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


def test_command_writes_one_page_for_a_folder(
    pixel_config: Path,
    weights: Path,
    picture: Path,
    image: np.ndarray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    evil = picture.with_name('<img src=x onerror=alert(1)>.png')
    cv2.imwrite(str(evil), image)
    out = tmp_path / 'out.html'
    words = ['predict', weights, picture.parent, '--gallery', out]
    words += ['--config', pixel_config, '--tasks', 'depth', 'semseg']
    assert main([str(word) for word in words]) == 0
    assert f'2 picture(s) in {out}' in capsys.readouterr().out
    page = out.read_text()
    assert '<img src=x' not in page
    assert [r['name'] for r in records_of(page)] == [evil.stem, picture.stem]
    record = records_of(page)[1]
    assert (record['width'], record['height']) == (25, 17)
    assert [task['task'] for task in record['tasks']] == ['depth', 'semseg']
    # The model's depth is blue / 50.
    stored = record['tasks'][0]['values']
    depth = levels_of(record['tasks'][0], record['grid'])[0] * stored['step']
    here = image[..., 0] > 0
    np.testing.assert_allclose(
        (depth + stored['low'])[here], image[here][:, 0] / 50, atol=0.006
    )


def test_python_writes_pages_and_gallery(
    inferencer: MultiTaskInferencer, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out.html'
    maps = mmmtl.predict(inferencer, picture, gallery=out, out_dir=tmp_path)
    assert list(maps) == ['semseg', 'depth', 'normals', 'edge']
    assert (tmp_path / 'picture.png').is_file()
    assert len(records_of(out.read_text())) == 1


def test_a_stream_that_is_left_early_leaves_the_page_so_far(
    inferencer: MultiTaskInferencer, image: np.ndarray, tmp_path: Path
) -> None:
    stream = inferencer.stream([image, image], gallery=tmp_path / 'out.html')
    np.testing.assert_array_equal(next(stream).image, image)
    stream.close()
    page = (tmp_path / 'out.html').read_text()
    assert [record['name'] for record in records_of(page)] == ['array']
    assert 'stopped after 1 picture(s)' in page


def test_wrong_places_are_refused_before_anything_is_predicted(
    inferencer: MultiTaskInferencer,
    image: np.ndarray,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    with pytest.raises(UserError, match='name a file that ends in'):
        inferencer.stream(image, gallery=tmp_path / 'out.png')
    for more, text in (
        ([], 'give --out-dir, --gallery, or both'),
        (['--gallery', str(tmp_path)], 'is a folder'),
    ):
        with pytest.raises(SystemExit, match='2'):
            main(['predict', 'rooms-lite0', str(picture), *more])
        assert text in capsys.readouterr().err
