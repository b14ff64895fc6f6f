from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmmtl.apis import MultiTaskInferencer, predict_video
from mmmtl.errors import UserError
from mmmtl.geometry import Lens
from tests.video_clip import write_clip


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


def read_ply(path: Path) -> tuple[list[str], np.ndarray]:
    """Comments and vertices, by the format's own description."""
    header, _, body = path.read_bytes().partition(b'end_header\n')
    lines = header.decode('ascii').splitlines()
    assert lines[:2] == ['ply', 'format binary_little_endian 1.0']
    types = {'float': '<f4', 'uchar': 'u1'}
    fields = [
        (line.split()[2], types[line.split()[1]])
        for line in lines
        if line.startswith('property')
    ]
    (count,) = (
        int(line.split()[2])
        for line in lines
        if line.startswith('element vertex')
    )
    vertices = np.frombuffer(body, fields)
    assert len(vertices) == count
    comments = [line for line in lines if line.startswith('comment')]
    return comments, vertices


def columns(vertices: np.ndarray, *names: str) -> np.ndarray:
    return np.stack([vertices[name] for name in names], -1)


def test_a_picture_becomes_points_with_its_colours_and_normals(
    inferencer: MultiTaskInferencer, image: np.ndarray, tmp_path: Path
) -> None:
    """The model's depth is blue / 50."""
    image[2, 3, 0] = 0  # no depth
    image[4, 5:9, 0] = 250  # 5 m
    image[..., 0] = np.minimum(image[..., 0], 250)
    camera = (30.0, 40.0, 12.0, 8.0)
    (result,) = inferencer.stream(
        image, out_dir=tmp_path, point_cloud=Lens(camera), far=4.9
    )
    comments, vertices = read_ply(tmp_path / 'array.ply')
    depth = image[..., 0] / np.float32(50)
    shown = (depth > 0) & (depth <= 4.9)
    assert not shown[2, 3]
    assert not shown[4, 5:9].any()
    assert len(vertices) == shown.sum()
    rows, across = np.nonzero(shown)
    z = depth[shown]
    np.testing.assert_allclose(
        columns(vertices, 'x', 'y', 'z'),
        np.stack([(across - 12) / 30 * z, (rows - 8) / 40 * z, z], -1),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(
        columns(vertices, 'red', 'green', 'blue'), image[shown][:, ::-1]
    )
    np.testing.assert_array_equal(
        columns(vertices, 'nx', 'ny', 'nz'), result.maps['normals'][shown]
    )
    assert comments == [
        'comment metres in the camera frame: x right, y down, z forward',
        'comment camera: intrinsics as given: fx=30 fy=40 cx=12 cy=8',
    ]


def test_without_normals_and_without_a_camera(
    inferencer: MultiTaskInferencer, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    options = dict(out_dir=out, tasks=['depth'], point_cloud=Lens())
    assert len(list(inferencer.stream(picture, **options))) == 1
    comments, vertices = read_ply(out / 'picture.ply')
    assert vertices.dtype.names == ('x', 'y', 'z', 'red', 'green', 'blue')
    assert 'of 60 degrees, assumed: fx=21.6506' in comments[1]
    # 25 / 2 / tan(30 degrees) = 21.65. It belongs to what is resumed.
    assert list(inferencer.stream(picture, resume=True, **options)) == []
    (out / 'picture.ply').unlink()
    assert len(list(inferencer.stream(picture, resume=True, **options))) == 1
    with pytest.raises(UserError, match='cloud was'):
        inferencer.stream(
            picture, resume=True, **{**options, 'point_cloud': Lens(fov=50)}
        )


def test_frames_have_clouds(
    inferencer: MultiTaskInferencer, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [50, 150])
    out = tmp_path / 'out'
    predict_video(inferencer, clip, out_dir=out, point_cloud=Lens(), far=2)
    _, near = read_ply(out / 'clip_000000.ply')
    _, none = read_ply(out / 'clip_000001.ply')  # all of it is 3 m away
    assert (len(near), len(none)) == (40 * 64, 0)


def test_it_needs_depth(
    inferencer: MultiTaskInferencer, image: np.ndarray, tmp_path: Path
) -> None:
    for far in (0.0, -1.0, float('nan')):
        with pytest.raises(UserError, match='far='):
            inferencer.stream(
                image, out_dir=tmp_path, point_cloud=Lens(), far=far
            )
    with pytest.raises(UserError, match=r"needs depth, .* \['edge'\]"):
        inferencer.stream(
            image, out_dir=tmp_path, tasks=['edge'], point_cloud=Lens()
        )
