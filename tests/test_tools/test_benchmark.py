"""benchmark.py: what it times, what it writes, what it refuses."""

from __future__ import annotations

import json
import os
import pprint
import re
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import demt

TOOL = 'analysis_tools/benchmark.py'
MEBIBYTE = 1 << 20


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Config of a tiny DeMT with an optimizer."""
    path = tmp_path / 'tiny_demt.py'
    optimizer = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.001))
    path.write_text(
        f'model = {pprint.pformat(demt())}\noptim_wrapper = {optimizer}\n'
    )
    return path


def run_json(
    run_tool: Callable, tmp_path: Path, *arguments: str | Path
) -> tuple[dict, dict]:
    """Run the tool and return its report, and the results by name."""
    out = tmp_path / 'out.json'
    end = run_tool(TOOL, *arguments, '--out', out, '--no-memory')
    assert end.code == 0, end.err
    report = json.loads(out.read_text())
    return report, {one['name']: one for one in report['results']}


def test_cases_take_turns_and_warmup_does_not_count(part: Callable) -> None:
    calls = []
    cases = {
        name: lambda name=name: calls.append(name) or {'n': len(calls)}
        for name in 'ab'
    }
    samples = part('measure').measure(cases, runs=2, warmup=1, label='')
    assert ''.join(calls) == 'baabba'
    # The third and the sixth call are the last of a; of b, fourth and fifth.
    assert [s.parts['n'] for s in samples['a']] == [3, 6]
    assert [s.parts['n'] for s in samples['b']] == [4, 5]


def test_elapsed_and_processor_time(
    part: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {'perf_counter': 0.0, 'process_time': 0.0}
    measure = part('measure')
    for name in clock:
        monkeypatch.setattr(measure.time, name, lambda name=name: clock[name])

    def work() -> None:
        clock['perf_counter'] += 3.0
        clock['process_time'] += 5.0

    samples = measure.measure({'x': work}, runs=2, warmup=0, label='')
    found = measure.summarise(samples['x'], samples['x'])
    assert found['seconds'] == dict(
        median=3.0, iqr=0.0, min=3.0, mean=3.0, runs=2
    )
    assert found['cpu_seconds']['median'] == 5.0


def test_spread_and_ratio_of_known_numbers(part: Callable) -> None:
    measure = part('measure')
    # Quartiles of 1..5 lie at 2 and 4.
    assert measure.spread([5.0, 1.0, 3.0, 2.0, 4.0]) == dict(
        median=3.0, iqr=2.0, min=1.0, mean=3.0, runs=5
    )
    slow = [measure.Sample(seconds, 8.0) for seconds in (2.0, 30.0)]
    fast = [measure.Sample(seconds, 2.0) for seconds in (1.0, 10.0)]
    # Within a round 2 and 3: the slow second round does not count tenfold.
    ratios = measure.summarise(slow, fast)
    assert ratios['ratio']['median'] == 2.5
    assert ratios['cpu_ratio']['median'] == 4.0


def test_gradients_do_not_add_up_over_the_runs(part: Callable) -> None:
    x = torch.ones(3)
    one_pass = part('measure').one_pass
    case = one_pass(lambda x: [x * 2, x * 3], [x], 'forward+backward', [x])
    for _ in range(3):
        case()
        assert x.grad.tolist() == [5.0] * 3
    seen = []
    one_pass(lambda x: seen.append(x * 2) or seen, [x], 'forward')()
    assert not seen[0].requires_grad


def occupy(mebibytes: int) -> Callable[[], None]:
    """Case that needs known memory, after a build that needs more."""
    torch.ones(2 * mebibytes * MEBIBYTE, dtype=torch.uint8)
    return lambda: torch.ones(mebibytes * MEBIBYTE, dtype=torch.uint8)


def die() -> Callable[[], None]:
    """Case that ends its process."""
    return lambda: os._exit(7)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='peak of the case alone')
def test_peak_memory_is_that_of_the_case(part: Callable) -> None:
    found = part('measure').measure_peak(occupy, dict(mebibytes=96))
    needed = (found['peak_bytes'] - found['before_bytes']) / MEBIBYTE
    assert needed == pytest.approx(96, abs=16)


@pytest.mark.slow
def test_case_that_dies_is_reported(part: Callable) -> None:
    found = part('measure').measure_peak(die, {})
    assert 'died' in found['error']


def test_deform_report(run_tool: Callable, tmp_path: Path) -> None:
    arguments = ['deform', '--size', '1', '4', '6', '8', '--runs', '3']
    report, results = run_json(
        run_tool, tmp_path, *arguments, '--backends', 'torch', 'torchvision'
    )
    assert list(results) == [
        f'1x4x6x8 {direction} {backend}'
        for direction in ('forward', 'forward+backward')
        for backend in ('torch', 'torchvision')
    ]
    for result in results.values():
        assert result['seconds']['runs'] == 3
        assert 0 < result['seconds']['min'] <= result['seconds']['median']
    assert results['1x4x6x8 forward torch']['ratio']['median'] == 1
    assert report['environment']['PyTorch'] == torch.__version__
    assert report['environment']['threads'] == torch.get_num_threads()
    assert report['settings']['spread'] == 28
    assert report['command'].endswith('--no-memory')


def test_model_report(
    run_tool: Callable, tmp_path: Path, config: Path
) -> None:
    shape = ['--shape', '1', '3', '32', '40']
    variant = ['--variant', 'tv', 'model.neck.deform_backend=torchvision']
    _, results = run_json(
        run_tool, tmp_path, 'model', config, *shape, '--runs', '2', *variant
    )
    assert set(results) == {
        'forward config',
        'forward tv',
        'step config',
        'step tv',
    }
    changed = results['step tv']['case']['options']
    assert changed == {'model.neck.deform_backend': 'torchvision'}
    built = build_in_scope(MODELS, demt())
    count = sum(parameter.numel() for parameter in built.parameters())
    assert results['forward config']['parameters'] == count


def test_step_from_kept_features(
    run_tool: Callable, tmp_path: Path, config: Path
) -> None:
    arguments = ['model', config, '--shape', '1', '3', '64', '64', '--runs']
    arguments += ['1', '--warmup', '1', '--modes', 'step', '--feature-cache']
    end = run_tool(TOOL, *arguments)
    assert end.code == 2
    assert 'model.frozen_backbone=True' in end.err

    frozen = ('--cfg-options', 'model.frozen_backbone=True')
    _, found = run_json(run_tool, tmp_path, *arguments, *frozen)
    assert set(found) == {'step config', 'step config, kept features'}


def test_step_trains(part: Callable, config: Path) -> None:
    torch.manual_seed(0)
    args = Namespace(config=str(config), shape=[1, 3, 32, 40], device='cpu')
    step = part('model').build(args, options={}, mode='step')
    model = step.__closure__[step.__code__.co_freevars.index('model')]
    weight = model.cell_contents.decode_head.classifiers['depth'].weight
    before = weight.detach().clone()
    step()
    assert not torch.equal(weight, before)
    assert weight.grad is None or weight.grad.abs().max() == 0


def test_cross_attention_report(run_tool: Callable, tmp_path: Path) -> None:
    _, results = run_json(
        run_tool, tmp_path, 'cross_attention', '--channels', '4',
        '--sizes', '6x8', '12x8', '--runs', '1',
    )  # fmt: skip
    assert list(results) == [
        f'{direction} {size}'
        for direction in ('forward', 'forward+backward')
        for size in ('6x8', '12x8')
    ]
    small, large = results['forward 6x8'], results['forward 12x8']
    assert small['case']['size'] == [6, 8]
    assert small['ratio']['median'] == 1
    assert large['ratio']['median'] != 1


@pytest.mark.slow
def test_pipeline_report(
    run_tool: Callable, tmp_path: Path, repo_root: Path
) -> None:
    data = tmp_path / 'rooms'
    made = run_tool(
        'dataset_converters/rooms.py', data, '--layout', 'nyud',
        '--num-train', 2, '--num-val', 1, '--size', 48, 64,
    )  # fmt: skip
    assert made.code == 0, made.err
    config = repo_root / 'configs' / 'demt' / 'demt_swin-t_nyud.py'
    option = f'train_dataloader.dataset.data_root={data}'
    _, results = run_json(
        run_tool, tmp_path, 'pipeline', config, '--cfg-options', option,
        '--runs', '4',
    )  # fmt: skip
    result = results['one sample']
    parts = result['parts']
    assert [name.split(' ', 1)[0] for name in parts] == [
        str(number) for number in range(len(parts))
    ]
    assert any(name.endswith(' MultiTaskRandomCrop') for name in parts)
    total = sum(part['mean'] for part in parts.values())
    assert 0.5 * result['seconds']['mean'] < total < result['seconds']['mean']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['deform', '--runs', '0'], '--runs 0: give at least 1'),
        (['model', 'no/such.py'], 'no/such.py: no such file'),
    ],
)
def test_mistakes_are_one_line(
    run_tool: Callable,
    tmp_path: Path,
    config: Path,
    arguments: list[str],
    message: str,
) -> None:
    out = tmp_path / 'out.json'
    arguments = [str(config) if a == 'CONFIG' else a for a in arguments]
    end = run_tool(TOOL, *arguments, '--out', out)
    assert end.code == 2
    last = end.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert re.search(message, last), last
    assert not out.exists()


def test_boundary_evaluation_is_timed_with_its_density(
    run_tool: Callable, tmp_path: Path
) -> None:
    folder = tmp_path / 'maps'
    _, results = run_json(
        run_tool,
        tmp_path,
        *('boundary', '--size', '50', '60', '--regions', '8', '--maps', '2'),
        *('--runs', '2', '--warmup', '0', '--write', str(folder)),
    )
    assert results.keys() == {
        'maps: 8 regions, nms',
        'maps: 8 regions, no nms',
    }
    for result in results.values():
        assert result['seconds']['runs'] == 2
        edges = result['edges']
        assert 0 < edges['labelled'] < 0.3
        assert edges['above 0.01'] > edges['above 0.1'] > edges['above 0.5']
        assert edges['above 0.5'] > 0
    names = ['0008_0000.png', '0008_0001.png']
    for side in ('pred', 'gt'):
        assert sorted(p.name for p in (folder / side).iterdir()) == names
