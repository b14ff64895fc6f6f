"""The table of several demo runs."""

import copy
import importlib.util
import json
import subprocess
import sys

import pytest

from mmmtl.errors import UserError


@pytest.fixture(scope='module')
def tool(repo_root):
    path = repo_root / 'tools/analysis_tools/rooms_table.py'
    spec = importlib.util.spec_from_file_location('mmmtl_rooms_table', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name='one', **changes):
    return (
        dict(
            name=name,
            seed=0,
            iterations=240,
            batch_size=8,
            num_train=320,
            num_val=48,
            parameters=32_070_000,
            cpu_seconds_per_step=1.234,
            metrics={
                'semseg/mIoU': dict(unit='%', trivial=2.64, after=13.85),
                'reshading/mae': dict(unit='', trivial=0.21, after=0.1),
            },
        )
        | changes
    )


def test_a_row_a_run_after_the_trivial_answer(tool):
    slower = run('two', parameters=1_500_000, cpu_seconds_per_step=2)
    assert tool.make_table([run(), slower]).splitlines() == [
        '| config | semseg/mIoU (%) | reshading/mae | parameters | '
        'step (CPU) |',
        '| --- | ---: | ---: | ---: | ---: |',
        '| trivial | 2.640 | 0.210 |  |  |',
        '| one | 13.8 | 0.100 | 32.07 M | 1.23 s |',
        '| two | 13.8 | 0.100 | 1.50 M | 2.00 s |',
        '',
        'Seed 0, 240 steps of 8 images, 320 rendered rooms to train on, 48 '
        'others to evaluate. A step is forward, backward and update, in '
        'processor time of all threads.',
    ]


@pytest.mark.parametrize('key', ['seed', 'iterations', 'num_val'])
def test_other_budgets_are_refused(tool, key):
    with pytest.raises(UserError, match=rf'two has {key}=7, one'):
        tool.make_table([run(), run('two', **{key: 7})])


def test_other_rooms_or_tasks_are_refused(tool):
    other = copy.deepcopy(run('two'))
    other['metrics']['reshading/mae']['trivial'] = 0.3
    with pytest.raises(UserError, match='they saw different rooms'):
        tool.make_table([run(), other])
    del other['metrics']['reshading/mae']
    with pytest.raises(UserError, match='compare runs on the same tasks'):
        tool.make_table([run(), other])


def test_the_command(repo_root, tmp_path):
    (tmp_path / 'demo.json').write_text(json.dumps(run()))
    (tmp_path / 'bad.json').write_text('{"metrics": {}}')
    command = [
        sys.executable,
        str(repo_root / 'tools/analysis_tools/rooms_table.py'),
    ]
    done = subprocess.run(
        [*command, tmp_path / 'demo.json', '--out', tmp_path / 'new/table.md'],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'new/table.md').read_text() == done.stdout
    failed = subprocess.run(
        [*command, tmp_path / 'bad.json'], capture_output=True, text=True
    )
    assert failed.returncode == 2
    assert 'bad.json has no name, parameters' in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1
