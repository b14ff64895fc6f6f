"""Configs and checkpoints that must not be accepted, through the tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmmtl.engine.checkpoint import read_checkpoint
from tests.in_process import ToolResult


class Payload:
    """Creates a file when a pickle of it is read."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple:
        return exec, (f'open({self.target!r}, "w").close()',)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """The file a payload would make."""
    return tmp_path / 'payload_was_run'


@pytest.fixture
def evil_checkpoint(tmp_path: Path, trap: Path) -> Path:
    path = tmp_path / 'evil.pth'
    content = {
        'state_dict': {'weight': torch.ones(1)},
        'meta': {'iter': 1, 'cfg': Payload(trap)},
        'optimizer': {},
        'message_hub': {},
    }
    torch.save(content, path)
    return path


def test_payload_is_live(evil_checkpoint: Path, trap: Path) -> None:
    torch.load(evil_checkpoint, weights_only=False)
    assert trap.exists()


def enter(
    way: str, path: Path, run_tool: Callable, config: Path, work_dir: Path
) -> ToolResult:
    """Give a checkpoint to a tool, in one of the ways that there are."""
    key = 'model.backbone.init_cfg'
    tool, *arguments = {
        'resume': ('train.py', '--resume', path),
        'load_from': ('train.py', '--cfg-options', f'load_from={path}'),
        'part': (
            'train.py',
            '--cfg-options',
            f'load_from={path}',
            'load_from_strict=False',
        ),
        'pretrained': (
            'train.py',
            '--cfg-options',
            f'{key}._delete_=True',
            f'{key}.type=Pretrained',
            f'{key}.checkpoint={path}',
            f'{key}.prefix=backbone.',
        ),
        'test': ('test.py', path),
    }[way]
    given = ['--work-dir', work_dir]
    if tool == 'test.py':
        return run_tool(tool, config, *arguments, *given)
    return run_tool(tool, config, *given, *arguments)


WAYS = ['resume', 'load_from', 'part', 'pretrained', 'test']


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('opened', [False, True])
def test_code_in_a_checkpoint_is_refused(
    way: str,
    opened: bool,
    run_tool: Callable,
    toy_config: Path,
    evil_checkpoint: Path,
    trap: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if opened:  # a widespread workaround for old checkpoints
        monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    work_dir = tmp_path / 'work'
    result = enter(way, evil_checkpoint, run_tool, toy_config, work_dir)
    assert result.code == 2
    assert str(evil_checkpoint) in result.err
    # Older versions of PyTorch name its module, too.
    named = result.err.replace('builtins.exec', 'exec')
    assert 'contains code (exec) and was refused' in named
    assert result.err.count('\n') == 1
    assert not trap.exists()
    assert not work_dir.exists()


def test_program_in_the_meta_of_plain_weights_is_refused(
    run_tool: Callable, toy_config: Path, tmp_path: Path, trap: Path
) -> None:
    """Mmengine's runner executes ``meta.config`` when it resumes."""
    path = trained(run_tool, toy_config, tmp_path)
    content = read_checkpoint(path)
    content['meta']['config'] = f'open({str(trap)!r}, "w").close()'
    torch.save(content, path)
    result = run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--resume', path
    )
    assert result.code == 2
    assert 'meta.config' in result.err
    assert not trap.exists()


def trained(run_tool: Callable, toy_config: Path, work_dir: Path) -> Path:
    run_tool('train.py', toy_config, '--work-dir', work_dir)
    return work_dir / 'iter_4.pth'


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('spoil', ['bit', 'nan', 'int8'])
def test_spoiled_weights_are_refused_by_name(
    way: str, spoil: str, run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    path = trained(run_tool, toy_config, tmp_path / 'other')
    if spoil == 'bit':
        content = bytearray(path.read_bytes())
        value = read_checkpoint(path)['state_dict']['backbone.conv.weight']
        content[content.index(value.numpy().tobytes())] ^= 1
        path.write_bytes(content)
        words = 'is not what was saved'
    else:
        content = read_checkpoint(path)
        name = 'backbone.conv.weight'
        wrong = content['state_dict'][name]
        wrong = wrong.char() if spoil == 'int8' else wrong * torch.nan
        content['state_dict'][name] = wrong
        torch.save(content, path)
        words = {
            'nan': 'conv.weight has 4 of 4 values not finite',
            'int8': 'conv.weight is int8, not float',
        }[spoil]
    work_dir = tmp_path / 'work'
    result = enter(way, path, run_tool, toy_config, work_dir)
    assert result.code == 2
    last = result.err.splitlines()[-1]
    assert str(path) in last
    assert words in last
    assert not list(tmp_path.glob('work/*.pth'))


@pytest.mark.parametrize(
    ('kind', 'words'),
    [
        ('mmengine.Pretrained', 'are of another network: 0 tensors match'),
        ('Pretraned', "no initialiser of type 'Pretraned'; did you mean"),
    ],
)
def test_foreign_weights_under_another_spelling_are_refused(
    kind: str,
    words: str,
    run_tool: Callable,
    toy_config: Path,
    tmp_path: Path,
) -> None:
    torch.save({'stem.weight': torch.ones(3)}, tmp_path / 'a.pth')
    result = run_tool(
        'train.py',
        toy_config,
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        'model.backbone.init_cfg._delete_=True',
        f'model.backbone.init_cfg.type={kind}',
        f'model.backbone.init_cfg.checkpoint={tmp_path / "a.pth"}',
    )
    assert result.code == 2
    last = result.err.splitlines()[-1]
    assert 'model.backbone.init_cfg: ' in last
    assert words in last


OTHER_MODEL = ('model.backbone.depth=2', 'model.channels=8')


@pytest.mark.parametrize('way', ['resume', 'load_from', 'test'])
def test_checkpoint_of_another_model_is_refused_by_name(
    way: str, run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    path = trained(run_tool, toy_config, tmp_path / 'other')
    work_dir = tmp_path / 'work'
    common = ['--work-dir', work_dir, '--cfg-options', *OTHER_MODEL]
    if way == 'test':
        result = run_tool('test.py', toy_config, path, *common)
    elif way == 'resume':
        common += ['resume_changed=True']
        result = run_tool('train.py', toy_config, '--resume', path, *common)
    else:
        result = run_tool('train.py', toy_config, *common, f'load_from={path}')
    assert result.code == 2
    message = result.err[result.err.index('error:') :]
    assert str(path) in message
    assert 'backbone.conv.weight: (4, 1, 1, 1) for (8, 1, 1, 1)' in message
    assert not list(work_dir.glob('*.pth'))


def test_load_from_strict_false_takes_the_part_that_fits(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    path = trained(run_tool, toy_config, tmp_path / 'other')
    result = run_tool(
        'train.py',
        toy_config,
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        *OTHER_MODEL,
        f'load_from={path}',
        'load_from_strict=False',
    )
    assert result.code == 0
    # Of 9 tensors, head.bias and norm.num_batches_tracked have one size.
    assert '2 tensors match' in result.out


def test_truncated_checkpoint_is_named(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    path = trained(run_tool, toy_config, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    result = run_tool('test.py', toy_config, path)
    assert result.code == 2
    assert str(path) in result.err
    assert 'cut off' in result.err


@pytest.mark.parametrize(
    ('source', 'reason'),
    [
        ('http://localhost:9/weights.pth', 'cannot download'),
        ('/no/such/weights.pth', 'no such file'),
    ],
)
def test_weights_out_of_reach_name_source_and_option(
    source: str,
    reason: str,
    run_tool: Callable,
    toy_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    work_dir = tmp_path / 'work'
    result = run_tool(
        'train.py',
        toy_config,
        '--work-dir',
        work_dir,
        '--cfg-options',
        'model.backbone.init_cfg._delete_=True',
        'model.backbone.init_cfg.type=mmengine.Pretrained',
        f'model.backbone.init_cfg.checkpoint={source}',
    )
    assert result.code == 2
    assert source in result.err
    assert reason in result.err
    assert '--cfg-options model.backbone.init_cfg=None' in result.err
    assert not work_dir.exists()
    assert not list((tmp_path / 'cache').rglob('*.pth'))


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        ('model.backbon.depth=2', ['config: model (ToyModel)', "'backbon'"]),
        (
            'model.backbone.dept=2',
            ['config: model.backbone (ToyBackbone)', "'dept'"],
        ),
        (
            'train_cfg.max_iter=2',
            ['config: train_cfg (IterBasedTrainLoop)', "'max_iter'"],
        ),
        ('train_dataloader.batchsize=2', ['DataLoader', "'batchsize'"]),
        ('log_processor.windw=2', ['LogProcessor', "'windw'"]),
        (
            'optim_wrapper.optimizer.momentm=0',
            ['config: optim_wrapper.optimizer (SGD)', "'momentm'"],
        ),
        ('param_scheduler.0.powr=2', ['config: param_scheduler.0', "'powr'"]),
        ('custom_hook=2', ["'custom_hook'", "'custom_hooks'"]),
        ('env_cfg.cudn_benchmark=True', ["no 'env_cfg.cudn_benchmark'"]),
        ('param_scheduler.1.power=2', ['Index 1 exceeds the length']),
        (
            'train_cfg.max_iters.x=2',
            ['--cfg-options train_cfg.', ': max_iters='],
        ),
        ('model.backbone', ['--cfg-options model.backbone: write KEY=VALUE']),
        (
            'model.backbone.type=ToyBackbon',
            ['config: model.backbone (ToyBackbon)', 'not in the mmmtl::model'],
        ),
    ],
)
def test_option_that_does_not_exist_is_refused(
    option: str,
    words: list[str],
    run_tool: Callable,
    toy_config: Path,
    tmp_path: Path,
) -> None:
    result = run_tool(
        'train.py',
        toy_config,
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        option,
    )
    assert result.code == 2
    last = result.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    for word in words:
        assert word in last


def test_unknown_argument_in_the_config_names_its_place(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    config = tmp_path / 'broken.py'
    config.write_text(
        f"_base_ = '{toy_config}'\nmodel = dict(backbone=dict(dept=2))\n"
    )
    result = run_tool('train.py', config, '--work-dir', tmp_path / 'work')
    assert result.code == 2
    last = result.err.strip().splitlines()[-1]
    assert last.startswith('error: config: model.backbone (ToyBackbone): Ty')
    assert "unexpected keyword argument 'dept'" in last


def test_near_miss_of_a_top_level_key_is_refused(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    config = tmp_path / 'broken.py'
    config.write_text(f"_base_ = '{toy_config}'\ncustom_hook = []\n")
    result = run_tool('train.py', config, '--work-dir', tmp_path / 'work')
    assert result.code == 2
    assert "did you mean 'custom_hooks'?" in result.err


def test_missing_config_lists_its_neighbours(
    run_tool: Callable, toy_config: Path
) -> None:
    result = run_tool('train.py', toy_config.with_name('toyy.py'))
    assert result.code == 2
    assert 'toyy.py: no such file' in result.err
    assert 'toy.py' in result.err


def test_traceback_option_shows_everything(
    run_tool: Callable, toy_config: Path
) -> None:
    with pytest.raises(ValueError, match='total-batch 7'):
        run_tool('train.py', toy_config, '--traceback', '--total-batch', '7')
