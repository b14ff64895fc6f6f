"""CocoDoom: classes from objects and lists, derived labels, all or nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import CocoDoomDataset
from mmmtl.datasets.taskonomy.cocodoom_conversion import (
    CocoDoomSource,
    convert,
    view_of,
)
from mmmtl.errors import DatasetError

SIZE = (200, 320)
# Run and tic of the first frame by split; the full lists go on from there.
IMAGES = {'train': (1, 12), 'val': (2, 5), 'test': (3, 7)}
EVERY = {'train': 5, 'val': 20, 'test': 20}
IMP = (slice(80, 150), slice(100, 160))
LAMP = (slice(20, 60), slice(200, 230))
SKY = (slice(0, 15), slice(0, 320))
WALL_UNITS = 320.0  # ten metres


def image_id(run: int, tic: int) -> int:
    return 10**9 * run + 10**7 + tic


def objects() -> np.ndarray:
    """A wall, sky, an imp (id 300), and something nobody annotated (70000)."""
    ids = np.full(SIZE, (1 << 23) + 2)
    ids[SKY] = 1 << 23
    ids[IMP] = 300
    ids[LAMP] = 70000
    return np.stack([ids % 256, ids // 256 % 256, ids >> 16], -1)


def depth() -> np.ndarray:
    units = np.full(SIZE, WALL_UNITS)
    units[IMP] = 100
    units[SKY] = 65535 / 64  # where depth is cut
    return np.round(64 * units).astype(np.uint16)


def write_archive(root: Path) -> Path:
    """Write the full archive: one frame by split, and a list that has it."""
    rng = np.random.default_rng(0)
    categories = [dict(id=11, name='TROOP'), dict(id=0, name='PLAYER')]
    for split, (run, tic) in IMAGES.items():
        folder = root / f'run{run}/map01'
        pictures = {
            'rgb': rng.integers(0, 255, SIZE).astype(np.uint8),
            'objects': objects().astype(np.uint8),
            'depth': depth(),
        }
        for kind, array in pictures.items():
            (folder / kind).mkdir(parents=True)
            picture = Image.fromarray(array)
            if kind == 'rgb':
                picture = picture.convert('P')
                picture.putpalette([255 - n // 3 for n in range(768)])
            picture.save(folder / kind / f'{tic:06d}.png')
        number = image_id(run, tic)
        note = dict(id=number * 10**6 + 300, image_id=number, category_id=11)
        name = f'run{run}/map01/rgb/{tic:06d}.png'
        content = dict(
            images=[dict(id=number, file_name=name)],
            annotations=[note],
            categories=categories,
        )
        (root / f'run-full-{split}.json').write_text(json.dumps(content))
    return root


def change_list(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def go_on(root: Path, split: str, frames: int) -> None:
    """Add frames to a full list, last one first, without their pictures."""
    path = root / f'run-full-{split}.json'
    run, tic = IMAGES[split]
    images = json.loads(path.read_text())['images']
    for n in range(1, frames):
        name = f'run{run}/map01/rgb/{tic + n:06d}.png'
        images.insert(0, dict(id=image_id(run, tic + n), file_name=name))
    change_list(path, images=images)


def add_pictures(root: Path, split: str, tic: int) -> None:
    run, first = IMAGES[split]
    for kind in ('rgb', 'depth', 'objects'):
        folder = root / f'run{run}/map01/{kind}'
        shutil.copy(folder / f'{first:06d}.png', folder / f'{tic:06d}.png')


def run(root: Path, out: Path, **changes: object) -> dict[str, int]:
    source = CocoDoomSource(root, **changes)
    return convert(source, out)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path / 'cocodoom')


def load(out: Path, split: str = 'train') -> dict:
    dataset = CocoDoomDataset(
        out,
        split=split,
        tasks=None,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
        holes='mask_valid',
        metainfo=dict(classes=str(out / 'classes.txt')),
    )
    return dataset[0]


def test_loader_reads_what_was_converted(
    archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    assert run(archive, out) == dict(train=1, val=1, test=1)
    names = (out / 'classes.txt').read_text().split()
    assert names == ['background', 'PLAYER', 'TROOP']
    loaded = load(out)
    assert loaded['sample_id'] == 'run1_map01/point_000012_view_0'
    assert load(out, 'test')['sample_id'] == 'run3_map01/point_000007_view_0'
    with Image.open(archive / 'run1/map01/rgb/000012.png') as picture:
        colours = np.asarray(picture.convert('RGB'))
    np.testing.assert_array_equal(loaded['img'], colours[..., ::-1])
    labels = loaded['labels']
    wanted = np.zeros(SIZE, int)
    wanted[IMP], wanted[LAMP] = 2, 255
    np.testing.assert_array_equal(labels['semseg'], wanted)
    metres = np.full(SIZE, WALL_UNITS / 32)
    metres[IMP], metres[SKY] = 100 / 32, 0
    np.testing.assert_allclose(labels['depth'], metres, rtol=1e-6)
    # A wall across the line of sight looks back along it.
    inner = labels['normals'][165:195, 10:310]
    np.testing.assert_allclose(inner[..., 2], -1, atol=0.01)
    # There the cosine is that of the ray: 159.9 / |(x, y, 159.9)|.
    x, y = 10 - 160, 170 - 100
    cosine = 159.9 / np.sqrt(x * x + y * y + 159.9**2)
    assert labels['reshading'][170, 10] == pytest.approx(cosine, abs=0.01)
    for task in ('keypoints2d', 'edges2d'):
        assert 0 < labels[task].mean() < 1


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_full_lists_are_thinned_as_the_standard_ones(
    archive: Path, tmp_path: Path, split: str
) -> None:
    """Every 5th or 20th; pictures in between need not even be there."""
    step, first = EVERY[split], IMAGES[split][1]
    go_on(archive, split, step + 1)
    add_pictures(archive, split, first + step)
    out = tmp_path / 'out'
    assert run(archive, out)[split] == 2
    ids = (out / f'splits/{split}.txt').read_text().split()
    assert [name[-13:] for name in ids] == [
        f'{tic:06d}_view_0' for tic in (first, first + step)
    ]
    with pytest.raises(DatasetError, match=f'{first + 1:06d}.png is missing'):
        run(archive, tmp_path / 'all', full=True)


def test_standard_lists_go_first(archive: Path, tmp_path: Path) -> None:
    """Both archives in one folder: their frames, and their categories."""
    number = image_id(1, 13)
    image = dict(id=number, file_name='run1/map01/rgb/000013.png')
    add_pictures(archive, 'train', 13)
    content = dict(
        images=[image], annotations=[], categories=[dict(id=4, name='SKULL')]
    )
    (archive / 'run-train.json').write_text(json.dumps(content))
    run(archive, tmp_path / 'out')
    assert load(tmp_path / 'out')['sample_id'].endswith('point_000013_view_0')
    names = (tmp_path / 'out/classes.txt').read_text().split()
    assert names == ['background', 'SKULL']
    run(archive, tmp_path / 'all', full=True)
    assert load(tmp_path / 'all')['sample_id'].endswith('point_000012_view_0')


def test_sky_has_nothing_but_its_class(archive: Path, tmp_path: Path) -> None:
    run(archive, tmp_path / 'out')
    labels = load(tmp_path / 'out')['labels']
    assert (labels['depth'][SKY] == 0).all()
    assert (labels['normals'][SKY] == 0).all()
    assert np.isnan(labels['reshading'][SKY]).all()
    assert (labels['semseg'][SKY] == 0).all()
    assert (labels['depth'][20:] > 0).all()


@pytest.mark.slow  # starts processes
def test_workers_do_not_change_the_result(
    archive: Path, tmp_path: Path
) -> None:
    source = CocoDoomSource(archive)
    for workers in (1, 2):
        convert(source, tmp_path / str(workers), workers=workers)
    one, two = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob('*.*')}
        for root in (tmp_path / '1', tmp_path / '2')
    )
    assert one == two
    assert len(one) == 3 * 8 + 4


@pytest.mark.parametrize('kind', ['depth', 'objects', 'rgb'])
def test_missing_or_truncated_picture(
    archive: Path, tmp_path: Path, kind: str
) -> None:
    path = archive / f'run2/map01/{kind}/000005.png'
    data = path.read_bytes()
    for broken in (None, data[:100]):
        path.unlink(missing_ok=True)
        if broken is not None:
            path.write_bytes(broken)
        with pytest.raises(DatasetError, match='cocodoom-full') as caught:
            run(archive, tmp_path / 'out')
        assert str(path) in str(caught.value)
        assert not (tmp_path / 'out').exists()
    assert [p.name for p in tmp_path.iterdir()] == ['cocodoom']


def test_bad_lists(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r'map-full-train\.json'):
        run(archive, tmp_path / 'out', split_by='map', full=True)
    path = archive / 'run-full-val.json'
    for text in ('', '[]', '{"images": []}'):
        path.write_text(text)
        with pytest.raises(DatasetError, match=r'run-full-val\.json'):
            run(archive, tmp_path / 'out')
    with pytest.raises(DatasetError, match='is not called'):
        view_of('run1/map01/../000012.png')


def test_folder_in_the_way(archive: Path, tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/mine').touch()
    with pytest.raises(FileExistsError, match='remove it'):
        run(archive, tmp_path / 'out')
