"""The tasks of a config: named once, rows of its own, written in full."""

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
from mmmtl.registry import MODELS, build_in_scope
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
        "register_task('moss', kind='binary')\n"
        "register_task('fern', kind='depth')\n"
        "register_task('unused', kind='binary')\n",
        'rust_module.py',
    )
    config = load_config(
        write(
            "custom_imports = dict(imports=['rust_module'])\n"
            + NEW
            + 'train_dataloader = dict(dataset=dict(datasets=[\n'
            "    dict(tasks=['depth', 'rust'])]))\n"
            'model = dict(decode_head=dict(\n'
            '    tasks=dict(height=dict(), moss=dict()),\n'
            '    auxiliary_tasks=dict(fern=dict())))\n'
        )
    )
    assert config.new_tasks.to_dict() == {
        'height': {'kind': 'scalar', 'unit': 'm', 'mean': 3.0},
        'rust': {'kind': 'binary', 'painter': 'heat'},
        'moss': {'kind': 'binary'},
        'fern': {'kind': 'depth'},
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
    assert config.pop('completed_tasks') == list(
        demt()['decode_head']['tasks']
    )
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


BASE = 'configs/demt/demt_swin-t_rooms.py'
ALL = ['semseg', 'depth', 'normals', 'edge']
TWO = "train_dataloader = dict(dataset=dict(tasks=['semseg', 'depth']))\n"


@pytest.fixture
def leaf(write, repo_root: Path):
    """Return a function that loads a config on top of the rooms' DeMT."""

    def load(text: str, options: dict | None = None) -> Config:
        base = f"_base_ = '{repo_root / BASE}'\n"
        return load_config(write(base + text), options)

    return load


def test_a_task_is_taken_out_by_one_line(leaf) -> None:
    config = leaf(TWO)
    model = config.model
    assert list(model.decode_head.tasks) == ['semseg', 'depth']
    # What the recipe says of the others stays.
    assert model.decode_head.tasks.depth.initial_bias == 3.4
    assert model.neck.tasks == ['semseg', 'depth']
    for part in ('val', 'test'):
        read = config[f'{part}_dataloader'].dataset.tasks
        assert read == ['semseg', 'depth']
        metrics = config[f'{part}_evaluator']['metrics']
        assert [m['type'] for m in metrics] == [
            'SegmentationMetric',
            'DepthErrorMetric',
        ]
    model.backbone.init_cfg = None
    built = build_in_scope(MODELS, model)
    assert built.tasks == ('semseg', 'depth')
    assert built.loss_weighting.weights == {'semseg': 1.0, 'depth': 1.0}


def test_an_option_takes_a_task_out_as_well(leaf) -> None:
    key = 'train_dataloader.dataset.tasks'
    config = leaf('', {key: ['depth', 'semseg']})
    # The order is the recipe's: it is that of the modules.
    assert list(config.model.decode_head.tasks) == ['semseg', 'depth']
    assert config.model.neck.tasks == ['semseg', 'depth']


def test_an_option_speaks_of_one_task_and_the_others_stay(leaf) -> None:
    config = leaf('', {'model.decode_head.tasks.depth.weight': 7.0})
    weights = {
        task: output.weight
        for task, output in config.model.decode_head.tasks.items()
    }
    assert weights == dict(semseg=1.0, depth=7.0, normals=1.0, edge=5.0)


def test_data_sets_take_the_tasks_of_the_top(leaf) -> None:
    text = (
        "tasks = ['normals', 'semseg']\n"
        'data = dict(_delete_=True, type="NYUDv2Dataset", data_root="x",'
        ' split="train", pipeline=[])\n'
        'train_dataloader = dict(dataset=data)\n'
        'val_dataloader = dict(dataset=data)\n'
    )
    config = leaf(text)
    assert config.train_dataloader.dataset.tasks == ['normals', 'semseg']
    assert config.val_dataloader.dataset.tasks == ['normals', 'semseg']
    assert list(config.model.decode_head.tasks) == ['normals', 'semseg']
    config = leaf(text, {'tasks': ['depth']})
    assert config.train_dataloader.dataset.tasks == ['depth']
    assert list(config.model.decode_head.tasks) == ['depth']


def test_an_option_that_nobody_would_read_is_still_refused(leaf) -> None:
    with pytest.raises(ValueError, match=r'train_dataloader\.dataset\.tasks'):
        leaf('', {'tasks': ['depth']})


@pytest.mark.parametrize(
    ('text', 'changed'),
    [
        ('depth=dict(weight=2.0)', dict(depth=dict(weight=2.0))),
        (
            'edge=dict(loss=dict(pos_weight=0.5))',
            dict(edge=dict(loss=dict(pos_weight=0.5))),
        ),
        (
            ', '.join(f'{t}=dict(weight=2.0)' for t in ALL),
            {task: dict(weight=2.0) for task in ALL},
        ),
    ],
)
def test_what_a_config_writes_of_a_task_changes_that_alone(
    leaf, text: str, changed: dict
) -> None:
    plain = leaf('')
    want = plain.model.decode_head.tasks.to_dict()
    for task, settings in changed.items():
        for key, value in settings.items():
            if isinstance(value, dict):
                want[task][key].update(value)
            else:
                want[task][key] = value
    config = leaf(f'model = dict(decode_head=dict(tasks=dict({text})))')
    found = config.model.decode_head.tasks.to_dict()
    assert found == want
    assert list(found) == list(want) == config.model.neck.tasks
    assert len(config.val_evaluator.metrics) == 4
    # A second time, as the runner does, nothing changes.
    again = config.copy()
    complete_tasks(again)
    assert again.to_dict() == config.to_dict()


def test_deleting_what_is_said_of_a_task_leaves_its_default(leaf) -> None:
    text = 'tasks=dict(edge=dict(_delete_=True, weight=3.0))'
    config = leaf(f'model = dict(decode_head=dict({text}))')
    tasks = config.model.decode_head.tasks.to_dict()
    assert list(tasks) == ALL
    row = dict(get_task('edge').loss)
    assert tasks['edge'] == dict(weight=3.0, loss=row)
    complete_tasks(config)
    assert config.model.decode_head.tasks.to_dict() == tasks


def test_a_task_of_the_head_alone_stays_to_be_refused(leaf) -> None:
    text = 'model = dict(decode_head=dict(tasks=dict(edge=dict(weight=2.0))))'
    config = leaf(TWO + text)
    tasks = config.model.decode_head.tasks
    assert list(tasks) == ['semseg', 'depth', 'edge']
    assert tasks.edge.weight == 2.0


OWN = """
new_tasks = dict(cracks=dict(kind='binary'), rust=dict(kind='binary'))
train_dataloader = dict(dataset=dict(
    _delete_=True, type='FolderDataset', data_root='x', split='train',
    pipeline=[], image='rgb/{}.png',
    labels=dict(rust='r/{}.png', cracks='m/{}.png'),
    splits=dict(train=1.0)))
"""


@pytest.mark.parametrize('place', ['file', 'option'])
def test_the_weight_of_a_task_of_ones_own(leaf, place: str) -> None:
    key = 'model.decode_head.tasks.cracks.weight'
    text = (
        'model = dict(decode_head=dict(tasks=dict(cracks=dict(weight=5.0))))'
    )
    config = leaf(OWN + text) if place == 'file' else leaf(OWN, {key: 5.0})
    tasks = config.model.decode_head.tasks.to_dict()
    assert list(tasks) == ['rust', 'cracks']
    loss = dict(type='BinaryCrossEntropyLoss')
    assert tasks == dict(
        rust=dict(loss=loss), cracks=dict(weight=5.0, loss=loss)
    )


def test_losses_classes_and_metrics_that_are_left_out(leaf) -> None:
    config = leaf(
        'task_outputs = dict(_delete_=True, edge=dict(weight=3.0))\n'
        'val_evaluator = dict(_delete_=True, type="MultiTaskEvaluator",'
        ' primary=dict(edge="pixelF"))\n'
        'train_dataloader = dict(dataset=dict('
        "tasks=['semseg', 'human_parts', 'reshading', 'edge'],"
        " metainfo=dict(human_parts_classes=('a', 'b', 'c'))))\n"
    )
    assert config.model.decode_head.tasks.to_dict() == {
        'semseg': {
            'loss': {'type': 'SegCrossEntropyLoss'},
            'out_channels': 15,  # the rooms'
        },
        'human_parts': {
            'loss': {'type': 'SegCrossEntropyLoss'},
            'out_channels': 3,
        },
        'reshading': {'loss': {'type': 'HeatMapL1Loss'}},
        'edge': {
            'weight': 3.0,
            'loss': {'type': 'BalancedEdgeLoss', 'pos_weight': 0.95},
        },
    }
    assert list(config.model.decode_head.tasks)[:2] == ['semseg', 'edge']
    assert config.val_evaluator.primary == {'edge': 'pixelF'}
    assert config.val_evaluator.metrics == [
        {'type': 'SegmentationMetric', 'task': 'semseg'},
        {**get_task('edge').metric, 'task': 'edge'},
        {'type': 'SegmentationMetric', 'task': 'human_parts'},
        {'type': 'HeatMapMetric', 'task': 'reshading'},
    ]


def test_auxiliary_tasks_stay_beside_those_of_the_head(
    repo_root: Path,
) -> None:
    config = load_config(repo_root / 'configs/sca/sca_hrnet18_nyud-aux.py')
    head = config.model.decode_head
    assert list(head.tasks) == ['semseg', 'depth']
    assert list(head.auxiliary_tasks) == ['normals', 'edge']
    assert len(config.train_dataloader.dataset.tasks) == 4
    assert config.val_dataloader.dataset.tasks == ['semseg', 'depth']


@pytest.mark.parametrize('text', ['', TWO])
def test_a_dump_is_complete(leaf, write, text: str) -> None:
    config = leaf(text)
    again = load_config(write(config.pretty_text, 'dump.py'))
    assert again.to_dict() == config.to_dict()
    assert (
        Config.fromfile(write(config.pretty_text, 'dump.py')).to_dict()
        == config.to_dict()
    )


@pytest.mark.parametrize(
    ('path', 'main', 'auxiliary'),
    [
        (
            'configs/sca/sca_hrnet18_nyud-aux.py',
            ['semseg', 'depth'],
            ['normals', 'edge'],
        ),
        (BASE, ALL, []),
    ],
)
def test_the_order_of_tasks_survives_a_dump(
    repo_root: Path, write, path: str, main: list, auxiliary: list
) -> None:
    config = load_config(repo_root / path)
    dump = write(config.pretty_text, 'dump.py')
    dumped = Config.fromfile(dump)
    assert list(dumped.model.decode_head.tasks) == sorted(main)
    complete_tasks(dumped)  # as the runner does with a checkpoint's config
    for again in (dumped, load_config(dump)):
        head = again.model.decode_head
        assert list(head.tasks) == main
        assert list(head.get('auxiliary_tasks', ())) == auxiliary
