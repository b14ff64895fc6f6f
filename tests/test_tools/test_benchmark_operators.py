"""benchmark.py operators: both forms of a method, and what is refused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mmmtl.errors import UserError
from tests.reference import stages
from tests.tiny import mqtransformer

TOOL = 'analysis_tools/benchmark.py'
SHAPE = [1, 3, 32, 40]


def test_other_weights_stop_the_measurement(
    write_tiny: Callable, run_tool: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = stages.METHODS[None, 'MultiQueryHead']
    plain = method.forms['plain']

    def changed(neck: None, head: nn.Module) -> Any:
        with torch.no_grad():
            head.blocks[0].encoder.reason.weight[0, 0] += 0.1
        return plain(neck, head)

    monkeypatch.setitem(method.forms, 'plain', changed)
    arguments = ['operators', write_tiny('MQTransformer'), '--shape', *SHAPE]
    end = run_tool(TOOL, *arguments, '--stages', 'project', 'encode')
    assert end.code == 2
    assert "'encode': the two forms differ" in end.err


@pytest.mark.parametrize(
    ('method', 'stage'),
    [
        ('DeMT', 'query'),
        ('MQTransformer', 'exchange'),
        ('SCA-MTL', 'aggregate'),
    ],
)
def test_report(
    run_tool: Callable,
    write_tiny: Callable,
    tmp_path: Path,
    method: str,
    stage: str,
) -> None:
    out = tmp_path / 'out.json'
    end = run_tool(
        TOOL, 'operators', write_tiny(method), '--shape', *SHAPE, '--runs', 1,
        '--stages', 'backbone', stage, '--no-memory', '--out', out,
    )  # fmt: skip
    assert end.code == 0, end.err
    assert 'G mult-adds' in end.out
    results = {r['name']: r for r in json.loads(out.read_text())['results']}
    assert list(results) == [
        f'{name} {direction} {form}'
        for direction in ('forward', 'forward+backward')
        for name in ('backbone', stage)
        for form in ('ours', 'plain')
    ]
    assert results[f'{stage} forward plain']['ratio']['median'] == 1
    for form in ('ours', 'plain'):
        forward = results[f'{stage} forward {form}']['multiply_adds']
        both = results[f'{stage} forward+backward {form}']['multiply_adds']
        assert 0 < forward < both


@pytest.mark.parametrize(
    ('method', 'head', 'arguments', 'message'),
    [
        ('DeMT', {}, ['--shape', '2', '3', '32', '40'], "'interact': the two"),
        ('DeMT', dict(attn_scope='tokens'), [], "'interact': the two forms"),
        (
            'MQTransformer',
            {},
            ['--shape', '2', '3', '32', '40'],
            r"'decode': .*attn_scope=batch at more than one image",
        ),
        ('MQTransformer', dict(attn_scope='tokens'), [], "'decode': the two"),
        ('MQTransformer', dict(depth=2), [], "'whole': the two forms differ"),
        (
            'MQTransformer',
            dict(residual='sequential'),
            [],
            "'decode': the two forms differ",
        ),
        (
            'MQTransformer',
            {},
            ['--stages', 'mix'],
            '--stages mix: MQTransformer has backbone, project, encode, ex',
        ),
    ],
)
def test_what_was_not_released_is_refused(
    run_tool: Callable,
    write_tiny: Callable,
    method: str,
    head: dict,
    arguments: list[str],
    message: str,
) -> None:
    end = run_tool(
        TOOL,
        'operators',
        write_tiny(method, **head),
        '--shape',
        *SHAPE,
        *arguments,
    )
    assert end.code == 2
    last = end.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert re.search(message, last), last


def test_other_head_is_told_which_are_known(
    run_tool: Callable, tmp_path: Path
) -> None:
    model = mqtransformer()
    model['decode_head'] = dict(
        type='PerTaskHeads',
        in_channels=[8, 16, 32, 64],
        channels=8,
        tasks=dict(depth=dict(loss=dict(type='DepthL1Loss'))),
    )
    path = tmp_path / 'other.py'
    path.write_text(f'model = {model}\n')
    end = run_tool(TOOL, 'operators', path)
    assert end.code == 2
    assert (
        "no released arithmetic for neck and head (None, 'PerTaskHeads'); "
        'there is some of DeMT, MQTransformer, SCA-MTL'
    ) in end.err


def test_without_the_tests_of_a_checkout_it_says_so(
    part: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'tests.reference.stages', None)
    with pytest.raises(UserError, match='needs the folder tests/ of a check'):
        part('models').from_tests('reference.stages')
