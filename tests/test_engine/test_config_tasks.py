"""The tasks of a config: rows of its own, written in full."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmmtl.apis.init_model import init_model
from mmmtl.engine.config import load_config
from mmmtl.engine.config_tasks import complete_tasks
from mmmtl.tasks import TASKS, get_task, register_task
from tests.tiny import demt

NEW = "new_tasks = dict(height=dict(kind='scalar', unit='m', mean=3.0))\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes `config.py` and says where."""

    def write_config(text: str, name: str = 'config.py') -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    monkeypatch.syspath_prepend(str(tmp_path))
    return write_config


def test_a_config_adds_its_tasks(write) -> None:
    load_config(write(NEW))
    assert get_task('height').kind.unit == 'm'
    load_config(write(NEW))  # again, as each tool of a process does


@pytest.mark.parametrize(
    ('options', 'unit'),
    [
        ({'new_tasks.height.unit': 'cm'}, 'cm'),
        ({'new_tasks.height.spread': 2.0}, 'm'),
        ({'new_tasks.width.kind': 'binary'}, 'm'),
    ],
)
def test_options_reach_the_rows(write, options: dict, unit: str) -> None:
    load_config(write(NEW), options)
    assert get_task('height').kind.unit == unit
    assert ('width' in TASKS) == ('new_tasks.width.kind' in options)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (NEW.replace('3.0', '4.0'), "task 'height' is known as "),
        ("new_tasks = dict(depth=dict(kind='scalar'))", "'depth' is known"),
        ("new_tasks = dict(height='scalar')", r"new_tasks\['height'\]"),
        ("new_task = dict(height=dict(kind='scalar'))", 'mean .new_tasks.'),
    ],
)
def test_what_cannot_be_added_is_one_line(write, text, words) -> None:
    load_config(write(NEW))
    with pytest.raises(ValueError, match=words) as caught:
        load_config(write(text, 'other.py'))
    assert '\n' not in str(caught.value)


def test_a_dump_holds_the_rows_of_modules_and_of_the_config(write) -> None:
    write(
        'from mmmtl.tasks import register_task\n'
        "register_task('rust', kind='binary', painter='heat')\n"
        "register_task('unused', kind='binary')\n",
        'rust_module.py',
    )
    config = load_config(
        write(
            "custom_imports = dict(imports=['rust_module'])\n"
            + NEW
            + 'train_dataloader = dict(dataset=dict(datasets=[\n'
            "    dict(tasks=['depth', 'rust'])]))\n"
            'model = dict(decode_head=dict(tasks=dict(height=dict())))\n'
        )
    )
    assert config.new_tasks.to_dict() == {
        'height': {'kind': 'scalar', 'unit': 'm', 'mean': 3.0},
        'rust': {'kind': 'binary', 'painter': 'heat'},
    }
    dump = write(config.pretty_text, 'dump.py')
    # Another process, which has no row of them.
    code = (
        'import sys\n'
        'from mmmtl.engine.config import load_config\n'
        'from mmmtl.tasks import get_task\n'
        'config = load_config(sys.argv[1])\n'
        "print(get_task('rust').painter, get_task('height').kind.mean)\n"
        'print(config.pretty_text == open(sys.argv[1]).read())\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code, str(dump)],
        capture_output=True,
        text=True,
        cwd=dump.parent,
        env={'PYTHONPATH': f'{dump.parent}:{Path(__file__).parents[2]}'},
    )
    assert result.stdout.split() == ['heat', '3.0', 'True'], result.stderr


def test_configs_of_built_in_tasks_get_no_rows() -> None:
    config = Config(dict(model=demt()))
    complete_tasks(config)
    assert config.to_dict() == dict(model=demt())


def test_a_model_from_a_config_in_memory_adds_its_tasks() -> None:
    config = Config(
        dict(model=demt(), new_tasks=dict(soil=dict(kind='depth')))
    )
    init_model(config)
    assert 'soil' in TASKS


def test_a_pickled_row_is_known_where_it_is_read(write) -> None:
    """As in a data loader's worker that was spawned."""
    folder = write(
        'from dataclasses import dataclass\n'
        'from mmmtl.tasks import register_kind\n'
        'from mmmtl.tasks.kinds import Scalar\n'
        "@register_kind('angle')\n"
        '@dataclass(frozen=True)\n'
        'class Angle(Scalar):\n'
        '    period: float = 360.0\n',
        'angle_module.py',
    ).parent
    __import__('angle_module')
    rows = [
        get_task('depth'),
        register_task('aspect', kind='angle', period=180.0),
    ]
    (folder / 'rows.pickle').write_bytes(pickle.dumps(rows))
    code = (
        'import pickle\n'
        "depth, aspect = pickle.load(open('rows.pickle', 'rb'))\n"
        'from mmmtl.tasks import get_task\n'
        "assert depth is get_task('depth')\n"
        "assert aspect is get_task('aspect')\n"
        'print(aspect.kind.period)\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        cwd=folder,
        env={'PYTHONPATH': f'{folder}:{Path(__file__).parents[2]}'},
    )
    assert result.stdout == '180.0\n', result.stderr
    assert pickle.loads(pickle.dumps(rows))[1] is rows[1]
