"""Whatever a file holds ends in a value, or in one line that names it.

hypothesis writes the files: random bytes, valid ones that were changed, valid
ones of another kind. A failure prints the seed; ``MMMTL_FUZZ_SEED`` repeats
it, ``MMMTL_FUZZ_TIMES=10`` tries ten times as many. The seed is the same in
each run, so that a run fails only for what was changed; ``make test-random``
takes another.
"""

from __future__ import annotations

import io
import json
import os
import runpy
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from mmmtl.datasets import FolderDataset
from mmmtl.datasets.cityscapes.encodings import read_camera
from mmmtl.datasets.folder.polygons import coco_categories, read_labelme
from mmmtl.datasets.verification.known_sets import find_set, rules_of
from mmmtl.datasets.verification.sample_checks import PROBLEMS, check_sample
from mmmtl.engine.config import parse_options
from mmmtl.engine.results import read_results
from mmmtl.errors import DatasetError, UserError
from mmmtl.evaluation.single_task import read_single_task
from mmmtl.io.arrays import read_mat
from mmmtl.io.id_lists import read_ids, write_ids
from mmmtl.io.plain_files import read_json
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task

SEED = int(os.environ.get('MMMTL_FUZZ_SEED') or 20261)
TIMES = int(os.environ.get('MMMTL_FUZZ_TIMES') or 1)
SIZE = (12, 16)
CLASSES = ['wall', 'floor', 'lamp']
LABELS = {
    'semseg': 'semseg/{}.png',
    'human_parts': dict(path='parts/{}.json', polygons='labelme', outside=0),
    'edge': 'edge/{}.png',
    'depth': 'depth/{}.npy',
    'normals': 'normals/{}.npy',
    'reshading': dict(path='shade/{}.tif', scale=1 / 65535),
}
FILES = [
    'image/{}.png',
    *(r if isinstance(r, str) else r['path'] for r in LABELS.values()),
]


def fuzzed(examples: int) -> Callable[[Callable], Callable]:
    """Run a test with drawn input, and print the seed."""

    def decorate(test: Callable) -> Callable:
        options = settings(
            max_examples=examples * TIMES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        return options(seed(SEED)(test))

    return decorate


@pytest.fixture(autouse=True)
def _said() -> None:
    print(f'MMMTL_FUZZ_SEED={SEED}')


def picture_bytes(array: np.ndarray, form: str = 'PNG') -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form)
    return buffer.getvalue()


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, array)
    return buffer.getvalue()


def header_bytes(shape: tuple, descr: str) -> bytes:
    """An array file that says what it does not hold."""
    text = repr(dict(descr=descr, fortran_order=False, shape=shape))
    text = text.ljust(117) + '\n'
    size = len(text).to_bytes(2, 'little')
    return b'\x93NUMPY\x01\x00' + size + text.encode() + bytes(40)


def valid_bytes() -> dict[str, bytes]:
    """Content of each of FILES."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    byte = (rows + columns).astype(np.uint8)
    outline = dict(label='lamp', points=[[1, 1], [9, 1], [9, 8]])
    outline['shape_type'] = 'polygon'
    normals = np.zeros((*SIZE, 3), np.float32)
    normals[..., 2] = -1
    contents = [
        picture_bytes(np.stack([byte] * 3, -1)),
        picture_bytes(byte % 3),
        json.dumps(
            dict(imageHeight=SIZE[0], imageWidth=SIZE[1], shapes=[outline])
        ).encode(),
        picture_bytes(np.where(byte % 5, 0, 255).astype(np.uint8)),
        npy_bytes(1 + byte.astype(np.float32)),
        npy_bytes(normals),
        picture_bytes(byte.astype(np.uint16) * 1000, 'TIFF'),
    ]
    return dict(zip(FILES, contents, strict=True))


VALID = valid_bytes()


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A valid file of any kind of which some bytes are others."""
    content = bytearray(draw(st.sampled_from(list(VALID.values()))))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content) - 1))
        content[place] = draw(st.integers(0, 255))
    whole = len(content)
    end = draw(st.sampled_from([whole, whole, whole, whole // 2, 40]))
    more = draw(st.sampled_from([b'', b'', b'', b' ', b'more']))
    return bytes(content[:end]) + more


DTYPES = ['?', 'i1', '>u2', 'i4', 'u8', 'f2', '>f4', 'f8', 'c8', 'S3', 'U2']
DTYPES += ['M8[s]', 'm8[h]', 'V4', 'i4,f4']
MODES = ['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'I;16', 'I', 'F']


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """An array file of any type and shape; it may be an archive."""
    shape = draw(
        st.lists(st.integers(0, 4), max_size=4).map(tuple)
        | st.sampled_from([SIZE, (*SIZE, 3), (*SIZE, 1)])
    )
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    count = int(np.prod(shape)) * dtype.itemsize
    noise = np.random.RandomState(draw(st.integers(0, 99))).bytes(count)
    array = np.frombuffer(noise, np.uint8).view(dtype) if count else []
    array = np.array(array, dtype).reshape(shape)
    return draw(st.sampled_from([npy_bytes, npz_bytes]))(array)


@st.composite
def pictures(draw: st.DrawFn) -> bytes:
    """A picture of any mode and size, in any format that has it."""
    mode = draw(st.sampled_from(MODES))
    size = draw(st.sampled_from([SIZE[::-1], (1, 1), (1, 5000), (16, 11)]))
    picture = Image.new(mode, size)
    level = draw(st.integers(0, 255))
    if mode in ('L', 'I', 'F', 'I;16'):
        picture.putpixel((0, 0), level * (1 if mode == 'L' else 300))
    for form in draw(st.permutations(['PNG', 'TIFF', 'JPEG', 'GIF', 'BMP'])):
        buffer = io.BytesIO()
        try:
            picture.save(buffer, form)
        except (OSError, ValueError):
            continue
        return buffer.getvalue()
    return b''


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda item: (
        st.lists(item, max_size=3)
        | st.dictionaries(
            st.sampled_from(['shapes', 'imageHeight', 'imageWidth', 'label'])
            | st.sampled_from(['points', 'shape_type']),
            item,
        )
    ),
    max_leaves=12,
)
HEADERS = st.builds(
    header_bytes,
    st.lists(st.integers(-2, 10**13), max_size=3).map(tuple)
    | st.just((10**12,)),
    st.sampled_from(['<f4', '|u1', '|O', '<M8[s]', 'x', '|V9']),
)
CONTENTS = st.one_of(
    st.binary(max_size=400),
    changed(),
    arrays(),
    pictures(),
    HEADERS,
    JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(list(VALID.values())),
    st.just(b'PK\x03\x04' + b'garbage' * 20),
)


def write_folder(root: Path, **others: bytes) -> Path:
    """Write a sample ``a``; ``others`` replace files by their folder."""
    for pattern, content in VALID.items():
        path = root / pattern.format('a')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(others.get(path.parent.name, content))
    (root / 'all.txt').write_text('a\n')
    return root


def folder(root: Path, split: str = 'all.txt') -> FolderDataset:
    return FolderDataset(
        root,
        split='train',
        tasks=None,
        image='image/{}.png',
        labels=LABELS,
        splits=dict(train=split),
        classes=dict(semseg=CLASSES, human_parts=['other', 'lamp']),
        serialize_data=False,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
            dict(type='PackMultiTaskInputs'),
        ],
    )


def check_value(sample: MultiTaskDataSample, size: tuple[int, int]) -> None:
    """What was read must be what the kinds of the tasks promise."""
    for task in LABELS:
        label = sample.get_gt(task)
        assert label.shape[-2:] == size
        known = label[:, get_task(task).kind.valid(label)[0]]
        assert known.isfinite().all()
        if task in ('semseg', 'human_parts', 'edge'):
            assert known.numel() == 0 or int(known.max()) < len(CLASSES)
        if task == 'depth':
            assert (known > 0).all()


def check_line(text: str, name: str = '') -> None:
    assert name in text
    assert '\n' not in text.strip()
    assert len(text) < 1000


@fuzzed(300)
@given(pattern=st.sampled_from(FILES), content=CONTENTS)
def test_a_file_is_a_value_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, pattern: str, content: bytes
) -> None:
    name = Path(pattern).parent.name
    root = write_folder(
        tmp_path_factory.getbasetemp() / 'f', **{name: content}
    )
    dataset = None
    try:
        dataset = folder(root)
        item = dataset[0]
        check_value(item['data_samples'], tuple(item['inputs'].shape[-2:]))
    except (DatasetError, UserError) as error:
        check_line(str(error), str(root))
    if dataset is not None:  # what verify.py does
        report = check_sample(
            dataset.get_data_info(0), dataset, rules_of(dataset)
        )
        for finding in report.findings:
            check_line(finding.text)


@fuzzed(60)
@given(content=CONTENTS)
def test_a_matlab_file_is_a_value_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / 'a.mat'
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r'a\.mat'):
        read_mat(path, 'x')


LINES = st.lists(
    st.text(max_size=12)
    | st.sampled_from(['a', 'b/c', '\ufeff', 'x' * 100_000, '\0', '..', ' d '])
)


@fuzzed(100)
@given(lines=LINES, codec=st.sampled_from(['utf-8', 'utf-8-sig', 'utf-16']))
def test_a_list_is_its_ids_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], codec: str
) -> None:
    path = tmp_path_factory.getbasetemp() / 'list.txt'
    path.write_bytes('\n'.join(lines).encode(codec, 'surrogatepass'))
    try:
        ids = read_ids(path, 'the hint')
    except DatasetError as error:
        check_line(str(error))
        return
    text = '\n'.join(lines).replace('\ufeff', '')
    text = text.replace('\r\n', '\n').replace('\r', '\n')
    assert ids == [line.strip() for line in text.split('\n') if line.strip()]
    write_ids(path, ids)
    assert read_ids(path, 'the hint') == ids


@fuzzed(100)
@given(option=st.text('ab.=0[](),{}"\' \0é', max_size=12))
def test_an_option_is_a_value_or_one_line(option: str) -> None:
    try:
        assert len(parse_options([option])) == 1
    except UserError as error:
        check_line(str(error))


def test_an_unharmed_folder_is_read(tmp_path: Path) -> None:
    item = folder(write_folder(tmp_path))[0]
    sample = item['data_samples']
    check_value(sample, SIZE)
    assert sample.get_gt('depth').max() == 1 + sum(SIZE) - 2
    assert sample.get_gt('human_parts').sum() > 20


@pytest.mark.timeout(20)
@pytest.mark.parametrize('pattern', FILES)
@pytest.mark.parametrize('kind', ['pipe', 'folder', 'loop'])
def test_a_pipe_is_not_waited_for(
    pattern: str, kind: str, tmp_path: Path
) -> None:
    root = write_folder(tmp_path)
    dataset = folder(root)
    path = root / pattern.format('a')
    path.unlink()
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    else:
        path.symlink_to(path)
    with pytest.raises(DatasetError, match=path.name):
        dataset[0]
    report = check_sample(dataset.get_data_info(0), dataset, rules_of(dataset))
    assert any(f.kind in PROBLEMS for f in report.findings)


def test_a_colour_picture_of_16_bits_is_read(tmp_path: Path) -> None:
    """Its upper 8 bits, as every reader of mmcv takes them."""
    deep = np.random.default_rng(0).integers(0, 65536, (*SIZE, 3), np.uint16)
    code = cv2.imencode('.png', deep)[1].tobytes()
    dataset = folder(write_folder(tmp_path, image=code))
    inputs = dataset[0]['inputs'].permute(1, 2, 0).numpy()
    assert np.abs(inputs.astype(int) - deep / 257).max() <= 1
    report = check_sample(dataset.get_data_info(0), dataset, rules_of(dataset))
    assert not [f for f in report.findings if f.task == 'image']


@pytest.mark.parametrize('side', [5000, 20000])
def test_a_picture_of_any_size_is_one_line_or_a_value(
    side: int, tmp_path: Path
) -> None:
    """A file of some kilobytes may ask for gigabytes."""
    code = picture_bytes(np.zeros((side, 16), np.uint8))
    root = write_folder(tmp_path, semseg=code)
    with pytest.raises(DatasetError, match=f'is {side}x16'):
        folder(root)[0]
    picture = Image.new('1', (side, side))
    picture.save(root / 'semseg/a.png')
    with pytest.raises(DatasetError, match=r'semseg.a\.png'):
        folder(root)[0]


def test_ids_that_no_file_can_have_are_one_line(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    for name in ('a\0b', 'x' * 100_000, 'b/' + 'é' * 130):
        (root / 'list.txt').write_text(f'a\n{name}\n')
        with pytest.raises(DatasetError, match='cannot be the name') as caught:
            folder(root, 'list.txt')
        assert len(str(caught.value)) < 400


def test_the_mark_that_windows_writes_is_no_part_of_a_name(
    tmp_path: Path,
) -> None:
    root = write_folder(tmp_path)
    (root / 'list.txt').write_bytes(b'\xef\xbb\xbfa\r\n')
    assert folder(root, 'list.txt')[0]['data_samples'].sample_id == 'a'
    (root / 'names.txt').write_bytes(b'\xef\xbb\xbfsky\r\nsea\r\n')
    found = FolderDataset._load_metainfo(dict(classes=str(root / 'names.txt')))
    assert found['classes'] == ['sky', 'sea']


def read_meta(path: Path) -> object:
    """Of rendered rooms, in a folder of its own."""
    path.rename(path.with_name('meta.json'))
    return find_set('rooms', path.parent)


@pytest.fixture(scope='module')
def json_readers(repo_root: Path) -> list[Callable]:
    tools = repo_root / 'tools/analysis_tools'
    return [
        *(read_results, read_single_task, read_camera, read_labelme),
        *(lambda path: coco_categories(str(path)), read_meta),
        runpy.run_path(str(tools / 'grid.py'))['read_grid'],
        runpy.run_path(str(tools / 'plot_balancing.py'))['read_curves'],
    ]


ODD_JSON = [
    b'',
    b'null',
    b'3',
    b'[[1]]',
    b'{}',
    b'{"rows": [["name"]], "images": [3], "shapes": 3, "single_task": []}',
    b'[' * 100_000,
    '{"a": 3}'.encode('utf-16'),
    b'\xff' * 2000,  # an error of Python's would quote them all
]


def test_text_may_begin_with_the_mark_of_windows(tmp_path: Path) -> None:
    path = tmp_path / 'of_windows.json'
    path.write_bytes(b'\xef\xbb\xbf[3]')
    assert read_json(path) == [3]


@pytest.mark.parametrize('content', ODD_JSON, ids=lambda c: repr(c[:9]))
def test_json_of_any_form_is_one_line(
    content: bytes, json_readers: list[Callable], tmp_path: Path
) -> None:
    for number, read in enumerate(json_readers):
        path = tmp_path / str(number) / 'odd.json'
        path.parent.mkdir()
        path.write_bytes(content)
        if content == b'{}' and read is read_single_task:
            continue
        with pytest.raises(ValueError, match=str(path.parent)) as caught:
            read(path)
        check_line(str(caught.value))
