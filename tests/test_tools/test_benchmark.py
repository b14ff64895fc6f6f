"""benchmark.py: what it times, what it writes, what it refuses."""

from __future__ import annotations

import json
import os
import pprint
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
import torch

from tests.tiny import demt, mqtransformer

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
    samples = part('timing').measure(cases, runs=2, warmup=1, label='')
    assert ''.join(calls) == 'baabba'
    # The third and the sixth call are the last of a; of b, fourth and fifth.
    assert [s.parts['n'] for s in samples['a']] == [3, 6]
    assert [s.parts['n'] for s in samples['b']] == [4, 5]


def test_elapsed_and_processor_time(
    part: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {'perf_counter': 0.0, 'process_time': 0.0}
    timing = part('timing')
    for name in clock:
        monkeypatch.setattr(timing.time, name, lambda name=name: clock[name])

    def work() -> None:
        clock['perf_counter'] += 3.0
        clock['process_time'] += 5.0

    samples = timing.measure({'x': work}, runs=2, warmup=0, label='')
    found = timing.summarise(samples['x'])
    assert found['seconds'] == dict(median=3.0, iqr=0.0, min=3.0, runs=2)
    assert found['cpu_seconds']['median'] == 5.0


def test_spread_and_ratio_of_known_numbers(part: Callable) -> None:
    timing = part('timing')
    # Quartiles of 1..5 lie at 2 and 4.
    assert timing.spread([5.0, 1.0, 3.0, 2.0, 4.0]) == dict(
        median=3.0, iqr=2.0, min=1.0, runs=5
    )
    slow = [timing.Sample(seconds, 8.0) for seconds in (2.0, 30.0)]
    fast = [timing.Sample(seconds, 2.0) for seconds in (1.0, 10.0)]
    # Within a round 2 and 3: the slow second round does not count tenfold.
    ratios = timing.paired_ratios(slow, fast)
    assert ratios['ratio']['median'] == 2.5
    assert ratios['cpu_ratio']['median'] == 4.0


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
    found = part('memory').measure_peak(occupy, dict(mebibytes=96))
    needed = (found['peak_bytes'] - found['before_bytes']) / MEBIBYTE
    assert needed == pytest.approx(96, abs=16)


@pytest.mark.slow
def test_case_that_dies_is_reported(part: Callable) -> None:
    found = part('memory').measure_peak(die, {})
    assert 'ended with code 7' in found['error']


def test_part_counts_its_outer_calls_only(
    part: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = part('parts')
    clock = [0.0]

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    monkeypatch.setattr(parts, '_now', tick)
    inner = torch.nn.ReLU()
    outer = torch.nn.Sequential(inner, inner)
    timer = parts.PartTimer({'all': outer.modules(), 'inner': [inner]})
    outer(torch.zeros(1))
    # Ticks: all 1, inner 2 to 3 and 4 to 5, all 6.
    assert timer.drain() == {'all': 5.0, 'inner': 2.0}
    assert timer.drain() == {'all': 0.0, 'inner': 0.0}


def test_replay_runs_every_layer_on_its_input(part: Callable) -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1), torch.nn.Sequential(torch.nn.ReLU())
    )
    image = torch.randn(1, 3, 5, 6)
    first, second = part('replay').record_leaves(network, image)(image)
    assert torch.equal(first, network[0](image))
    assert torch.equal(second, network(image))


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
        assert result['case']['offset_groups'] == 4  # one per channel
    assert results['1x4x6x8 forward torch']['ratio']['median'] == 1
    assert report['versions']['torch'] == torch.__version__
    assert report['hardware']['threads'] == torch.get_num_threads()
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
    forward = results['forward config']
    parts = {k: v['median'] for k, v in forward['parts'].items()}
    # Every part ran, and the three big ones do not exceed the whole.
    assert min(parts.values()) > 0, parts
    whole = forward['seconds']['median']
    big = parts['backbone'] + parts['neck'] + parts['decode_head']
    assert big < 1.2 * whole
    assert {'losses', 'backward', 'update'} <= set(
        results['step config']['parts']
    )
    built, _ = import_module('benchmarks.model_setup').build_model(
        str(config), {}, 'cpu'
    )
    count = sum(parameter.numel() for parameter in built.parameters())
    assert forward['parameters'] == count


def test_step_trains(part: Callable, config: Path) -> None:
    torch.manual_seed(0)
    step = part('model').build(
        config=str(config), options={}, mode='step', shape=[1, 3, 32, 40],
        device='cpu',
    )  # fmt: skip
    model = step.__closure__[step.__code__.co_freevars.index('model')]
    weight = model.cell_contents.decode_head.classifiers['depth'].weight
    before = weight.detach().clone()
    step()
    assert not torch.equal(weight, before)
    assert weight.grad is None or weight.grad.abs().max() == 0


def test_attention_report(
    run_tool: Callable, tmp_path: Path, config: Path
) -> None:
    shape = ['--shape', '2', '3', '32', '40', '--runs', '1']
    _, results = run_json(run_tool, tmp_path, 'attention', config, *shape)
    assert list(results) == [
        f'head {direction} {scope}'
        for direction in ('forward', 'forward+backward')
        for scope in ('sample', 'batch', 'tokens')
    ]
    assert results['head forward batch']['case']['scope'] == 'batch'


def test_attention_report_of_a_head_that_reads_the_pyramid(
    run_tool: Callable, tmp_path: Path
) -> None:
    config = tmp_path / 'mqtransformer.py'
    config.write_text(f'model = {mqtransformer()}\n')
    shape = ['--shape', '2', '3', '32', '40', '--runs', '1']
    scopes = ['--scopes', 'sample', 'tokens']
    _, results = run_json(
        run_tool, tmp_path, 'attention', config, *shape, *scopes
    )
    assert len(results) == 4
    assert results['head forward tokens']['seconds']['min'] > 0


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
    assert (small['pixels'], large['pixels']) == (48, 96)
    assert large['seconds_per_pixel'] == pytest.approx(
        large['seconds']['median'] / 96
    )


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
    parts = sum(v['median'] for v in result['parts'].values())
    assert parts > 0
    assert 'MultiTaskRandomCrop' in result['parts']
    low = 0.2 / result['seconds']['median']
    assert low < result['images_per_second'] < 1 / result['seconds']['min']


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['deform', '--runs', '0'], '--runs 0 .* at least 1'),
        (['deform', '--kernel', '2'], '--kernel 2: give an odd number'),
        (['model', 'no/such.py'], 'no/such.py: no such file'),
        (['cross_attention', '--sizes', '60'], '--sizes 60: write height x w'),
        (['cross_attention', '--channels', '0'], '--channels 0: give 1 or'),
        (
            ['model', 'CONFIG', '--variant', 'x', 'backend'],
            "'backend' is not of the form key=value",
        ),
        (
            ['model', 'CONFIG', '--variant', 'config', 'a=1'],
            'config: this name is taken',
        ),
        (['pipeline', 'CONFIG'], 'there is no `train_dataloader`'),
        (
            ['attention', 'CONFIG', '--scopes', 'pixel'],
            r"attn_scope='pixel'",
        ),
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
    assert results.keys() == {'8 regions, nms', '8 regions, no nms'}
    for result in results.values():
        assert result['seconds']['runs'] == 2
        edges = result['edges']
        assert 0 < edges['labelled'] < 0.3
        assert edges['above 0.01'] > edges['above 0.1'] > edges['above 0.5']
        assert edges['above 0.5'] > 0
    names = ['0008_0000.png', '0008_0001.png']
    for side in ('pred', 'gt'):
        assert sorted(p.name for p in (folder / side).iterdir()) == names
