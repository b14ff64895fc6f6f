"""The command that evaluates a folder of boundary maps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmmtl.evaluation import BoundaryMetric
from mmmtl.geometry import outline, thin
from tests.test_datasets.real_data import real_data
from tests.test_evaluation.test_boundary.fixture import (
    FOLDER,
    IMAGES,
    draw_two_points,
    reference,
)

TOOL = 'analysis_tools/boundary_eval.py'
Run = Callable[..., object]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of three predictions and three ground truths."""
    for side in ('pred', 'gt'):
        (tmp_path / side).mkdir()
        for name in IMAGES:
            shutil.copy(
                FOLDER / f'{name}_{side}.png',
                tmp_path / side / f'{name}.png',
            )
    return tmp_path / 'pred', tmp_path / 'gt'


def test_scores_counts_and_curve_of_the_fixture(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    out = tmp_path / 'new' / 'result.json'
    done = run_tool(
        TOOL, *folders, '--max-dist', '0.011', '--workers', 1, '--out', out
    )
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert list(found) == [
        *('protocol', 'odsF', 'oisF', 'AP', 'thresholds'),
        *('cntR', 'sumR', 'cntP', 'sumP'),
    ]
    # NMS and 99 thresholds are the defaults; F is the reference's.
    assert found['odsF'] == pytest.approx(0.7367947853450213, abs=1e-3)
    assert found['thresholds'] == [k / 100 for k in range(1, 100)]
    want = sum(reference(f'{name}/nms_0.011') for name in IMAGES)
    for row, key in enumerate(('cntR', 'sumR', 'cntP', 'sumP')):
        assert abs(np.array(found[key]) - want[row]).max() <= 6, key
    assert 'odsF 0.73' in done.out
    assert 'matching' in done.err
    curve = Image.open(out.with_suffix('.png'))
    assert min(curve.size) > 300
    assert len(np.unique(np.asarray(curve.convert('L')))) > 10


@pytest.mark.slow
def test_processes_divide_the_maps(
    folders: tuple[Path, Path], run_tool: Run, repo_root: Path, tmp_path: Path
) -> None:
    """Four maps for two processes; a faint one is no problem."""
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(folders[0] / 'x.png')
    Image.fromarray(np.eye(64, dtype=np.uint8)).save(folders[1] / 'x.png')
    one, two = tmp_path / 'one.json', tmp_path / 'two.json'
    common = [*folders, '--max-dist', '0.011', '--workers', '1', '--out']
    assert run_tool(TOOL, *common, one).code == 0
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    done = subprocess.run(
        [
            *(*launch, '--nproc_per_node=2', repo_root / 'tools' / TOOL),
            *(*common, two, '--launcher', 'pytorch'),
        ],
        env={**os.environ, 'PYTHONPATH': str(repo_root)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert one.read_bytes() == two.read_bytes()
    assert done.stdout.count('odsF') == 1
    assert '2/2' in done.stderr


@pytest.mark.parametrize('side', [0, 1])
def test_results_among_the_maps_are_refused(
    side: int, folders: tuple[Path, Path], run_tool: Run
) -> None:
    """The curve beside ``0001.json`` would replace the map ``0001.png``."""
    before = {path: path.read_bytes() for f in folders for path in f.iterdir()}
    out = folders[side] / f'{IMAGES[0]}.json'
    done = run_tool(TOOL, *folders, '--max-dist', '0.011', '--out', out)
    assert done.code == 2
    assert 'lies among the maps' in done.err
    after = {path: path.read_bytes() for f in folders for path in f.iterdir()}
    assert after == before


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    for workers in (1, 2):
        done = run_tool(
            TOOL,
            *folders,
            '--max-dist',
            '0.0075',
            '--workers',
            workers,
            '--out',
            tmp_path / f'{workers}.json',
        )
        assert done.code == 0, done.err
    one, two = ((tmp_path / f'{n}.json').read_bytes() for n in (1, 2))
    assert one == two


@pytest.mark.parametrize('suffix', ['.png', '.npy'])
def test_predictions_of_0_and_1_are_refused(
    suffix: str, folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    """As grey levels 1 is next to black; among others it may be one."""
    paths = sorted(folders[0].iterdir())
    for path in paths:
        mask = (np.asarray(Image.open(path)) > 127).view(np.uint8)
        path.unlink()
        if suffix == '.npy':
            np.save(path.with_suffix(suffix), mask)
        else:
            Image.fromarray(mask).save(path)
    command = (TOOL, *folders, '--max-dist', '0.011', '--workers', 1)
    done = run_tool(*command, '--out', tmp_path / 'r.json')
    assert done.code == 2
    assert 'hold the whole numbers 0 and 1 alone' in done.err
    assert 'write 0 to 255 in place of 0 and 1' in done.err
    stronger = np.zeros_like(mask)
    stronger[3] = 3
    np.save(paths[-1].with_suffix('.npy'), stronger)
    if suffix == '.png':
        paths[-1].unlink()
    done = run_tool(*command, '--out', tmp_path / 'r.json')
    assert done.code == 0, done.err


def test_options_and_a_choice_of_maps(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    ids, out = tmp_path / 'ids.txt', tmp_path / 'r.json'
    ids.write_text('syn3\n')
    (folders[0] / 'syn1.png').unlink()
    done = run_tool(
        TOOL,
        *folders,
        *('--max-dist', '0.011', '--no-nms', '--thresholds', 4),
        *('--ids', ids, '--workers', 1, '--out', out),
    )
    assert done.code == 0, done.err
    assert 'note' not in done.out
    found = json.loads(out.read_text())
    assert found['thresholds'] == [0.2, 0.4, 0.6, 0.8]
    want = reference('syn3/plain_0.011')[:, [19, 39, 59, 79]]
    assert found['sumR'] == want[1].tolist()
    assert found['sumP'] == want[3].tolist()
    assert abs(np.array(found['cntR']) - want[0]).max() <= 2


def _thicken(gt: Path) -> None:
    """Two pixels for one, to the right."""
    for path in gt.iterdir():
        label = np.asarray(Image.open(path))
        wide = label.copy()
        wide[:, 1:] |= label[:, :-1]
        Image.fromarray(wide).save(path)


def test_ground_truth_is_thinned_unless_told_otherwise(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    _thicken(folders[1])
    labels = [np.asarray(Image.open(p)) > 0 for p in folders[1].iterdir()]
    want = {
        '--thin-labels': sum(int(thin(label).sum()) for label in labels),
        '--no-thin-labels': sum(int(label.sum()) for label in labels),
    }
    found = {}
    for option in want:
        done = run_tool(
            *(TOOL, *folders, '--max-dist', '0.011', option),
            *('--thresholds', 1, '--workers', 1, '--out', tmp_path / 'r.json'),
        )
        assert done.code == 0, done.err
        found[option] = json.loads((tmp_path / 'r.json').read_text())
        assert found[option]['sumR'] == [want[option]]
    assert want['--no-thin-labels'] > 1.5 * want['--thin-labels']
    assert (
        found['--thin-labels']['odsF']
        > found['--no-thin-labels']['odsF'] + 0.05
    )


@pytest.mark.parametrize('suffix', ['.png', '.mat'])
def test_seism_equals_the_metric(
    suffix: str, folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    """Ground truth from pictures, as NYUDv2's, or from LabelMaps."""
    metric = BoundaryMetric(max_dist=0.011, protocol='seism')
    for path in sorted(folders[1].iterdir()):
        stored = path.with_suffix(suffix)
        if suffix == '.mat':
            savemat(stored, {'LabelMap': np.asarray(Image.open(path)) // 85})
            path.unlink()
        grey = np.asarray(Image.open(folders[0] / path.name))
        # Half a grey level more, which is cut off.
        probability = ((grey + 0.5) / 255).clip(0, 1).astype(np.float32)
        metric.process(
            None,
            [
                dict(
                    sample_id=path.stem,
                    label_paths={'edge': str(stored)},
                    gt_edge_map={'data': np.zeros((1, *grey.shape), int)},
                    pred_edge_map={'data': probability[None]},
                )
            ],
        )
    (want,) = metric.evaluate(3).values()
    out = tmp_path / 'r.json'
    done = run_tool(
        *(TOOL, *folders, '--max-dist', '0.011', '--protocol', 'seism'),
        *('--workers', 1, '--out', out),
    )
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found['protocol'] == 'seism'
    assert len(found['thresholds']) == 101
    assert 100 * found['odsF'] == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize(
    ('protocol', 'want'), [('seism', 4 / 7), ('berkeley', 0.6177)]
)
def test_only_berkeley_interpolates(
    protocol: str, want: float, run_tool: Run, tmp_path: Path
) -> None:
    regions, prediction = draw_two_points()
    for side, values in (('p', prediction), ('g', regions)):
        (tmp_path / side).mkdir()
        if side == 'g' and protocol == 'berkeley':
            values = outline(regions)
        np.save(tmp_path / side / 'a.npy', values)
    done = run_tool(
        *(TOOL, tmp_path / 'p', tmp_path / 'g', '--max-dist', '0.001'),
        *('--no-nms', '--thresholds', 2, '--workers', 1),
        *('--protocol', protocol, '--out', tmp_path / 'r.json'),
    )
    assert done.code == 0, done.err
    found = json.loads((tmp_path / 'r.json').read_text())
    assert found['odsF'] == pytest.approx(want, abs=1e-4)


def test_the_list_of_published_figures_by_its_name(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    done = run_tool(
        *(TOOL, *folders, '--max-dist', '0.0075', '--protocol', 'seism'),
        *('--ids', 'pascal_context_seism', '--out', tmp_path / 'r.json'),
    )
    assert done.code == 2
    assert 'no map for 2008_000003' in done.err
    assert '2498 maps are to be evaluated' in done.err


def test_predictions_without_ground_truth_are_mentioned(
    folders: tuple[Path, Path], run_tool: Run, tmp_path: Path
) -> None:
    for name in ('syn1', 'syn2'):
        (folders[1] / f'{name}.png').unlink()
    done = run_tool(
        *(TOOL, *folders, '--max-dist', '0.011', '--thresholds', 3),
        *('--workers', 1, '--out', tmp_path / 'r.json'),
    )
    assert done.code == 0
    assert 'note: 2 predictions have no ground truth' in done.out


def _drop(pred: Path) -> None:
    (pred / 'syn2.png').unlink()


def _shrink(pred: Path) -> None:
    for name in ('syn2', 'syn3'):
        picture = Image.open(pred / f'{name}.png')
        picture.resize((40, 50)).save(pred / f'{name}.png')


def _truncate(pred: Path) -> None:
    path = pred / 'syn2.png'
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (_drop, ('pred has no map for syn2',)),
        (_shrink, ('syn2.png has the size 50x40', '1 more like this')),
        (_truncate, ('syn2.png is unreadable',)),
    ],
)
def test_bad_predictions_are_one_line(
    folders: tuple[Path, Path],
    run_tool: Run,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    words: tuple[str, ...],
) -> None:
    spoil(folders[0])
    out = tmp_path / 'r.json'
    done = run_tool(TOOL, *folders, '--max-dist', '0.011', '--out', out)
    assert done.code == 2
    (line,) = (t for t in done.err.splitlines() if t.startswith('error: '))
    assert all(word in line for word in words), line
    assert 'Traceback' not in done.err
    assert not out.exists()


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('--max-dist', '4.3', '--out', 'r.json'), '--max-dist 4.3'),
        (
            ('--max-dist', '0.01', '--out', 'r.txt'),
            'name a file that ends in .json',
        ),
        (
            ('--max-dist', '0.01', '--out', 'r.json', '--thresholds', 0),
            '--thresholds 0: give 1',
        ),
        (
            ('--max-dist', '0.01', '--out', 'r.json', '--workers', 0),
            '--workers 0: give 1',
        ),
        (
            ('--max-dist', '0.01', '--out', 'r.json', '--ids', 'no.txt'),
            'no.txt is missing',
        ),
    ],
)
def test_bad_options_are_one_line(
    folders: tuple[Path, Path],
    run_tool: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_tool(TOOL, *folders, *options)
    assert done.code == 2
    assert words in done.err
    assert 'Traceback' not in done.err
    assert not list(tmp_path.glob('r.*'))


@pytest.mark.parametrize('thin_labels', ['--thin-labels', '--no-thin-labels'])
def test_official_output_on_five_natural_images(
    thin_labels: str, run_tool: Run, tmp_path: Path
) -> None:
    """Official figures: five images, four to six annotators each.

    The labels are thin already: thinning them changes less than the matching
    differs.
    """
    folder = real_data('bsds500/bench')
    out = tmp_path / 'r.json'
    done = run_tool(
        *(TOOL, folder / 'png', folder / 'groundTruth', '--no-nms'),
        *('--max-dist', '0.0075', '--thresholds', 5, '--workers', 1),
        *('--out', out, thin_labels),
    )
    assert done.code == 0, done.err
    found = json.loads(out.read_text())
    assert found['odsF'] == pytest.approx(0.704628, abs=1e-3)
    assert found['oisF'] == pytest.approx(0.708698, abs=1e-3)
    assert found['AP'] == pytest.approx(0.307627, abs=1e-3)
    recall = np.divide(found['cntR'], found['sumR'])
    precision = np.divide(found['cntP'], found['sumP'])
    official = np.loadtxt(folder / 'test_2' / 'eval_bdry_thr.txt')
    np.testing.assert_allclose(recall, official[:, 1], atol=1e-3)
    np.testing.assert_allclose(precision, official[:, 2], atol=1e-3)
