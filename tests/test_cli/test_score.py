"""Maps of any project against labels, by a named protocol."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.apis.score_maps import PROTOCOLS, protocols_of, score_maps
from mmmtl.errors import DatasetError, UserError
from mmmtl.evaluation.functional.boundary import BoundaryScores
from mmmtl.evaluation.functional.saliency import SALIENCY_PROTOCOLS
from mmmtl.tasks import register_task
from tests.own_tasks import outside_modules, own_table


@pytest.fixture(autouse=True)
def _own_rows() -> Iterator[None]:
    with own_table():
        yield


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return ``write(folder, maps)``: bytes as .png, all else as .npy."""

    def write_maps(folder: str, maps: Mapping[str, np.ndarray]) -> Path:
        (tmp_path / folder).mkdir()
        for stem, values in maps.items():
            path = tmp_path / folder / stem
            if values.dtype == np.uint8:
                Image.fromarray(values).save(f'{path}.png')
            else:
                np.save(path, values)
        return tmp_path / folder

    return write_maps


def test_depth_of_two_images_of_unequal_validity(
    mmmtl: Callable, write: Callable, tmp_path: Path
) -> None:
    """Four pixels are wrong by 1 m, one by 3 m.

    Pooled: sqrt((4 * 1 + 9) / 5); of the images: (1 + 3) / 2.
    """
    label = np.float32([[2, 2], [2, 2]])
    alone = np.float32([[2, 0], [0, 0]])
    gt = write('gt', {'a': label, 'b': alone})
    pred = write('pred', {'a': label + 1, 'b': alone + 3})
    out = tmp_path / 'score.json'
    common = ('score', pred, gt, '--task', 'depth')
    done = mmmtl(*common, '--explain', '--out', out)
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found['protocol']['name'] == 'pixels'
    assert found['metrics']['rmse'] == pytest.approx((13 / 5) ** 0.5)
    other = found['other_protocols']['images']
    assert other['metrics']['rmse'] == pytest.approx(2)
    assert found['units']['rmse'] == 'm'
    assert found['images'] == 2
    change = 2 - (13 / 5) ** 0.5
    assert f'rmse         2 m  ({change:+.4g})' in done.out
    done = mmmtl(*common, '--protocol', 'images', '--out', out)
    found = json.loads(out.read_text())
    assert found['metrics']['rmse'] == pytest.approx(2)
    assert 'other_protocols' not in found


def test_how_files_store_values(write: Callable) -> None:
    """Millimetres, another frame of normals, ids from 1."""
    metres = np.float32([[2, 3], [4, 0]])
    gt = write('depth', {'a': (metres * 1000).astype(np.uint16)})
    pred = write('pred', {'a': metres + np.float32(0.5)})
    found = score_maps(pred, gt, task='depth', gt=dict(scale=0.001))
    assert found['metrics']['abs_err'] == pytest.approx(0.5)
    assert found['settings'] == {'gt': {'scale': 0.001}}
    ours = np.float32([[[0, 0, -1], [0.6, 0, -0.8]]])
    gt = write('normals', {'a': ours})
    pred = write('opposite', {'a': -ours})
    found = score_maps(
        pred, gt, task='normals', pred=dict(axes='left up towards')
    )
    assert found['metrics']['mean_err'] == pytest.approx(0, abs=1e-5)
    gt = write('ids', {'a': np.uint8([[1, 1, 2, 0]])})
    pred = write('classes', {'a': np.uint8([[0, 1, 1, 1]])})
    found = score_maps(
        *(pred, gt),
        task='semseg',
        classes=3,
        gt=dict(first_id=1, no_label=0),
        explain=True,
    )
    # Class 0: 1 of 2, class 1: 1 of 2, class 2: nowhere.
    assert found['metrics']['mIoU'] == pytest.approx(100 / 3)
    skip = found['other_protocols']['skip']['metrics']
    assert skip['mIoU'] == pytest.approx(50)


def test_lines_equal_those_of_the_boundary_tool(
    run_boundary_eval: Callable, write: Callable, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    label = np.zeros((40, 50), np.uint8)
    label[20, 5:45] = 255
    strength = (label // 2 + rng.integers(0, 100, label.shape)).astype('u1')
    gt, pred = write('gt', {'a': label}), write('pred', {'a': strength})
    found = score_maps(pred, gt, task='edge', max_dist=0.011, explain=True)
    assert list(found['other_protocols']) == ['exact', 'seism']
    scores = {
        'berkeley': found['metrics'],
        'seism': found['other_protocols']['seism']['metrics'],
    }
    assert scores['berkeley'] != scores['seism']
    for protocol, ours in scores.items():
        theirs = run_boundary_eval(pred, gt, protocol)
        for name in ('odsF', 'oisF', 'AP'):
            assert ours[name] == pytest.approx(100 * theirs[name])


@pytest.fixture
def run_boundary_eval(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Path, str], dict]:
    import runpy

    def run(pred: Path, gt: Path, protocol: str) -> dict:
        tool = repo_root / 'tools/analysis_tools/boundary_eval.py'
        out = tmp_path / 'tool' / f'{protocol}.json'
        words = [tool, pred, gt, '--max-dist', 0.011, '--protocol', protocol]
        words += ['--out', out, '--workers', 1]
        monkeypatch.setattr(sys, 'argv', [str(word) for word in words])
        runpy.run_path(str(tool), run_name='__main__')
        return json.loads(out.read_text())

    return run


def test_only_berkeley_looks_between_thresholds(
    write: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On small maps both give the same F, so the call is looked at."""
    asked = []

    def scores(*_: np.ndarray, interpolate: bool) -> BoundaryScores:
        asked.append(interpolate)
        return BoundaryScores(*np.zeros(6))

    module = sys.modules['mmmtl.apis.score_maps']  # the function has its name
    monkeypatch.setattr(module, 'boundary_scores', scores)
    label = np.zeros((20, 20), np.uint8)
    label[10] = 255
    folder = write('gt', {'a': label})
    for protocol in ('berkeley', 'seism'):
        score_maps(
            folder, folder, task='edge', max_dist=0.1, protocol=protocol
        )
    assert asked == [True, False]


def test_a_task_of_ones_own(mmmtl: Callable, write: Callable) -> None:
    """Two of three hits, one false alarm: F is 2 / 3."""
    gt = write('gt', {'a': np.uint8([[255, 255, 255, 0, 0]])})
    pred = write('pred', {'a': np.uint8([[200, 128, 0, 0, 250]])})
    done = mmmtl('score', pred, gt, '--task', 'cracks=binary')
    assert done.code == 0, done.err
    assert f'F            {200 / 3:.6g} %' in done.out
    assert 'mask: a pixel is 1' in done.out


@pytest.mark.parametrize('task', ['saliency', 'edge'])
def test_masks_stored_the_other_way_round(write: Callable, task: str) -> None:
    """Two of three hits, one false alarm, whichever side is inverted."""
    label = np.uint8([[255, 255, 255, 0, 0]])
    mask = np.uint8([[255, 255, 0, 0, 255]])
    plain = write('gt', {'a': label}), write('pred', {'a': mask})
    other = write('dark', {'a': 255 - label}), write('off', {'a': 255 - mask})
    options = dict(task=task, protocol={'edge': 'exact'}.get(task))
    dark = dict(ids=[255, 0])
    found = [
        score_maps(plain[1], plain[0], **options),
        score_maps(other[1], plain[0], pred=dark, **options),
        score_maps(plain[1], other[0], gt=dark, **options),
        score_maps(other[1], other[0], pred=dark, gt=dark, **options),
    ]
    wanted = found[0]['metrics']
    assert 0 < max(wanted.values()) < 100
    for result in found[1:]:
        assert result['metrics'] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ('maps', 'options', 'text'),
    [
        ({'a': np.float32([[np.nan, 1]])}, {}, 'NaN or infinity'),
        ({'a': np.float32([[1, 1, 1]])}, {}, 'at the size of the label'),
        ({'b': np.float32([[1, 1]])}, {}, 'has no map for a'),
        ({'a': np.float32([[-1, 1]])}, {}, 'depth is 0 .none. or more'),
    ],
)
def test_wrong_maps(
    write: Callable, maps: dict, options: dict, text: str
) -> None:
    gt = write('gt', {'a': np.float32([[1, 1]])})
    with pytest.raises(DatasetError, match=text):
        score_maps(write('pred', maps), gt, task='depth', **options)


@pytest.mark.parametrize('task', ['saliency', 'edge', 'cracks=binary'])
def test_masks_of_0_and_1_are_not_taken_for_empty_ones(
    mmmtl: Callable, write: Callable, task: str
) -> None:
    mask = np.uint8([[0, 1], [1, 0]])
    gt = write('gt', {'a': 255 * mask})
    pred = write('pred', {'a': mask})
    exact = ('--protocol', 'exact') if task == 'edge' else ()
    done = mmmtl('score', pred, gt, '--task', task, *exact)
    assert done.code == 2, done.out
    assert 'write 0 to 255 in place of 0 and 1' in done.err
    write('floats', {'a': mask.astype(np.float32)})
    done = mmmtl('score', gt.parent / 'floats', gt, '--task', task, *exact)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    'faint',
    [
        np.float32([[0, 0.005], [0.003, 0]]),
        np.uint16([[0, 200], [3, 0]]),
        np.array([[False, True], [True, False]]),
    ],
)
@pytest.mark.parametrize('protocol', ['exact', 'berkeley'])
def test_faint_predictions_are_no_masks_of_0_and_1(
    write: Callable, faint: np.ndarray, protocol: str
) -> None:
    gt = write('gt', {'a': np.uint8([[0, 255], [255, 0]])})
    pred = write('pred', {'a': faint})
    max_dist = 0.1 if protocol == 'berkeley' else None
    score_maps(pred, gt, task='edge', protocol=protocol, max_dist=max_dist)


def test_masks_of_0_and_1_are_named_before_pairs_are_measured(
    write: Callable,
) -> None:
    mask = np.uint8([[0, 1], [1, 0]])
    gt = write('gt', {'a': 255 * mask, 'b': mask[:, :1]})
    pred = write('pred', {'a': mask, 'b': mask})
    # The second pair would be refused as well: its sizes differ.
    with pytest.raises(DatasetError, match='whole numbers 0 and 1 alone'):
        score_maps(pred, gt, task='saliency')
    np.save(pred / 'b.npy', np.float32(mask))
    (pred / 'b.png').unlink()
    with pytest.raises(DatasetError, match='whole numbers 0 and 1 alone'):
        score_maps(pred, gt, task='saliency')


def test_a_class_that_is_none_names_its_file(write: Callable) -> None:
    gt = write('gt', {'a': np.uint8([[0, 1]])})
    pred = write('pred', {'a': np.uint8([[0, 255]])})
    with pytest.raises(DatasetError, match=r'pred/a.png: .* 0\.\.255'):
        score_maps(pred, gt, task='semseg', classes=2)


@pytest.mark.parametrize(
    ('task', 'options', 'text'),
    [
        ('depth', dict(protocol='image'), "did you mean 'images'"),
        ('semseg', {}, 'number of classes'),
        ('edge', {}, 'give the tolerance max_dist'),
        ('depth', dict(pred=dict(no_label=0)), 'no_label is for labels'),
        ('saliency', dict(max_depth=3.0), 'max_depth=3.0: no protocol'),
        ('saliency', dict(classes=7), 'classes=7: no protocol'),
        ('depth', dict(max_dist=0.01), 'max_dist=0.01: no protocol'),
        ('edge', dict(max_dist=0.1, protocol='exact'), 'max_dist=0.1: no'),
        ('depth', dict(gt=dict(fit='crop')), 'gt: fit is for the labels of'),
        (
            'edge',
            dict(max_dist=0.1, gt=dict(ids=[255, 0])),
            'gt=.*lines as they are stored',
        ),
        (
            'edge',
            dict(max_dist=0.1, explain=True, pred=dict(ids=[255, 0])),
            'pred=.*lines as they are stored',
        ),
    ],
)
def test_wrong_options(
    write: Callable, task: str, options: dict, text: str
) -> None:
    folder = write('maps', {'a': np.float32([[1, 1]])})
    with pytest.raises(UserError, match=text):
        score_maps(folder, folder, task=task, **options)


def test_every_saliency_protocol_can_be_named() -> None:
    assert set(SALIENCY_PROTOCOLS) < set(PROTOCOLS['regions'])
    assert set(protocols_of('saliency')) == set(PROTOCOLS['regions'])


def test_lines_of_ones_own_are_lines() -> None:
    register_task('joints', kind='binary', metric=dict(type='BoundaryMetric'))
    register_task('cracks', kind='binary')
    assert protocols_of('joints') is PROTOCOLS['lines']
    assert protocols_of('cracks') is PROTOCOLS['regions']


def test_a_kind_of_ones_own_has_its_own_metric(
    mmmtl: Callable, write: Callable, tmp_path: Path
) -> None:
    """359 and 1 are 2 degrees apart, not 358."""
    gt = write('gt', {'a': np.float32([[1, 10], [np.nan, 20]])})
    pred = write('pred', {'a': np.float32([[359, 10], [5, 20]])})
    out = tmp_path / 'score.json'
    words = ('score', pred, gt, '--task', 'wind=direction', '--out', out)
    assert 'direction' in mmmtl(*words).err  # not known without its module
    with outside_modules():
        done = mmmtl(*words, '--imports', 'outside_kind')
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found['protocol']['name'] == 'own'
    assert found['metrics'] == {'mean_err': pytest.approx(2 / 3)}
    assert found['units'] == {'mean_err': 'degree'}
