"""The demo: its table, and one whole short run."""

import importlib.util
import json
import subprocess
import sys

import pytest

from mmmtl.tasks import register_task


@pytest.fixture(scope='module')
def demo(repo_root):
    path = repo_root / 'tools/demo.py'
    spec = importlib.util.spec_from_file_location('mmmtl_demo', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_smaller_errors_and_larger_scores_beat_the_trivial_answer(demo):
    trivial = {'semseg/mIoU': 3.0, 'depth/rmse': 1.0, 'edge/pixelF': 10.0}
    after = {'semseg/mIoU': 9.0, 'depth/rmse': 1.1, 'edge/pixelF': 10.0}
    table = demo.compare(trivial, trivial, after)
    beaten = {key: entry['beaten'] for key, entry in table.items()}
    # A draw is no win, and a larger RMSE is worse.
    assert beaten == {
        'semseg/mIoU': True,
        'depth/rmse': False,
        'edge/pixelF': False,
    }


def test_the_table_says_figures_and_units_of_any_task(demo):
    register_task('cracks', kind='binary')
    register_task('height', kind='scalar', unit='m')
    row = {
        'semseg/mIoU': 9.0,
        'semseg/mAcc': 9.0,
        'depth/rmse': 1.0,
        'normals/mean_err': 5.0,
        'reshading/mae': 0.1,
        'saliency/maxF': 50.0,
        'saliency/mIoU': 40.0,
        'cracks/IoU': 30.0,
        'height/mae': 0.5,
        'delta_m': 3.0,
    }
    # The trivial answer has no delta_m.
    trivial = {key: 1.0 for key in row if key != 'delta_m'}
    table = demo.compare(trivial, row, row, {'saliency': 'mIoU'})
    assert {key: entry['unit'] for key, entry in table.items()} == {
        'semseg/mIoU': '%',
        'depth/rmse': 'm',
        'normals/mean_err': 'degrees',
        'saliency/mIoU': '%',
        'reshading/mae': '',
        'cracks/IoU': '%',
        'height/mae': 'm',
    }
    assert table['height/mae']['beaten']


def test_configs_of_real_data_are_refused(repo_root, tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            str(repo_root / 'tools/demo.py'),
            *('--config', 'configs/baselines/fcn-multi_swin-t_cityscapes.py'),
            *('--work-dir', str(tmp_path)),
        ],
        cwd=repo_root,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert 'trains on CityscapesMTDataset: give a config of rend' in (
        result.stderr
    )


@pytest.mark.slow
def test_a_short_run_leaves_table_and_pictures(repo_root, tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            str(repo_root / 'tools/demo.py'),
            *('--data-root', str(tmp_path / 'rooms')),
            *('--work-dir', str(tmp_path / 'work')),
            *('--num-train', '4', '--num-val', '2', '--num-pictures', '1'),
            '--cfg-options',
            'train_cfg.max_iters=2',
            'train_cfg.val_interval=2',
            'train_dataloader.batch_size=2',
            'train_dataloader.num_workers=0',
            'train_dataloader.persistent_workers=False',
            'val_dataloader.num_workers=0',
            'val_dataloader.persistent_workers=False',
        ],
        cwd=repo_root,
        capture_output=True,
        text=True,
    )
    # Two steps teach nothing: the demo must say so by its exit code, after
    # having written everything.
    output = result.stdout + result.stderr
    report = json.loads((tmp_path / 'work/demo.json').read_text())
    assert report['name'] == 'demt_efficientnet-lite0_rooms'
    assert (report['iterations'], report['seed']) == (2, 0)
    assert (report['num_train'], report['num_val']) == (4, 2)
    assert report['parameters'] == 4_061_940
    assert report['seconds_per_step'] > 0
    assert report['cpu_seconds_per_step'] > 0
    table = report['metrics']
    assert set(table) == {
        'semseg/mIoU',
        'depth/rmse',
        'normals/mean_err',
        'edge/pixelF',
    }
    losers = [key for key, entry in table.items() if not entry['beaten']]
    assert (result.returncode != 0) == bool(losers), output
    assert all(key in output for key in losers)
    # Before training, edges are probability 1/2 everywhere: the best
    # threshold takes all of them, which is the trivial answer.
    assert table['edge/pixelF']['before'] == pytest.approx(
        table['edge/pixelF']['trivial'], abs=1.0
    )
    pictures = list((tmp_path / 'work/pictures').glob('*.png'))
    assert len(pictures) == 1
    assert (tmp_path / 'work/iter_2.pth').exists()
