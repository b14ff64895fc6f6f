"""benchmark.py operators: both forms of a method, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.tiny import METHODS, mqtransformer

TOOL = 'analysis_tools/benchmark.py'
SHAPE = [1, 3, 32, 40]


def stages_of(part: Callable, method: str) -> tuple[str, ...]:
    (row,) = [m for m in part('methods').METHODS if m.name == method]
    return row.stages


SCOPES = [('sample', 1), ('batch', 1), ('batch', 2)]


@pytest.mark.parametrize(
    ('method', 'batch', 'options'),
    [
        (method, batch, dict(attn_scope=scope))
        for method in ('DeMT', 'MQTransformer')
        for scope, batch in SCOPES
    ]
    + [
        ('SCA-MTL', 1, {}),
        ('SCA-MTL', 2, dict(ctam_fusion='per_task', fpma_view='task_major')),
    ],
)
def test_plain_form_is_the_same_model(
    part: Callable,
    write_tiny: Callable,
    method: str,
    batch: int,
    options: dict[str, str],
) -> None:
    """At a size that is a multiple of neither windows nor strides."""
    arguments = dict(
        config=str(write_tiny(method)),
        options={f'model.decode_head.{k}': v for k, v in options.items()},
        shape=[batch, 3, 33, 40],
        device='cpu',
    )
    operators = part('operators')
    for stage in stages_of(part, method)[1:]:
        apart = operators.deviation(dict(**arguments, stage=stage))
        assert apart < 1e-5, stage


def test_plain_form_of_sca_mtl_has_the_same_gradients(
    part: Callable, write_tiny: Callable
) -> None:
    """With batch statistics, neck included."""
    model, _ = part('model_setup').build_model(
        str(write_tiny('SCA-MTL')), {}, 'cpu'
    )
    model.double().train()
    for block in model.modules():
        if hasattr(block, 'drop_prob'):
            block.drop_prob = 0.0
    row = part('methods').method_of(model)
    image = torch.randn(2, 3, 64, 64).double()
    gradients = []
    for make in (row.forms['plain'], row.forms['ours']):
        form = make(model)  # the plain form has copies of the weights
        logits = row.function(form, 'whole')(image)
        sum(one.square().mean() for one in logits).backward()
        gradients.append(dict(form.model.named_parameters()))
    plain, ours = gradients
    used = [name for name in ours if '.predictions.' not in name]
    assert [n for n in used if ours[n].grad is None] == []
    for name in used:
        torch.testing.assert_close(
            ours[name].grad, plain[name].grad, rtol=1e-6, atol=1e-9, msg=name
        )


@pytest.mark.parametrize('method', METHODS)
def test_stages_one_after_another_are_what_the_model_computes(
    part: Callable, write_tiny: Callable, method: str
) -> None:
    model, _ = part('model_setup').build_model(
        str(write_tiny(method)), {}, 'cpu'
    )
    model.eval()
    row = part('methods').method_of(model)
    image = torch.randn(SHAPE)
    with torch.no_grad():
        expected = model(image, mode='tensor').values()
        for form in row.forms.values():
            whole = row.function(form(model), 'whole')
            for found, logits in zip(whole(image), expected, strict=True):
                torch.testing.assert_close(found, logits)


# SCA-MTL has too many weights for this; its gradients are compared above.
@pytest.mark.parametrize('method', ['DeMT', 'MQTransformer'])
def test_every_weight_of_the_head_is_seen_by_the_comparison(
    part: Callable, write_tiny: Callable, method: str
) -> None:
    model, _ = part('model_setup').build_model(
        str(write_tiny(method)), {}, 'cpu'
    )
    # In double precision, because a weight may matter little as it starts.
    model.eval().double()
    row = part('methods').method_of(model)
    image = torch.randn(SHAPE).double()

    def run(form: str) -> torch.Tensor:
        logits = row.function(row.forms[form](model), 'whole')(image)
        return torch.cat([one.flatten() for one in logits])

    unseen = []
    with torch.no_grad():
        ours = run('ours')
        for name, weight in model.decode_head.named_parameters():
            kept = weight.clone()
            weight += torch.randn_like(weight)
            apart = (run('plain') - ours).abs().max() / ours.abs().max()
            weight.copy_(kept)
            if apart < 1e-9:
                unseen.append(name)
    # The shift of a key's norm moves all scores of a query alike.
    assert all(name.endswith('norm_k.bias') for name in unseen), unseen
    assert len(unseen) == (2 if method == 'MQTransformer' else 0)


def test_other_weights_stop_the_measurement(
    part: Callable,
    write_tiny: Callable,
    run_tool: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (row,) = [m for m in part('methods').METHODS if m.name == 'MQTransformer']
    plain = row.forms['plain']

    def changed(model: nn.Module) -> Any:
        with torch.no_grad():
            model.decode_head.blocks[0].encoder.reason.weight[0, 0] += 0.1
        return plain(model)

    monkeypatch.setitem(row.forms, 'plain', changed)
    arguments = ['operators', write_tiny('MQTransformer'), '--shape', *SHAPE]
    with pytest.raises(RuntimeError, match="'encode': the two forms differ"):
        run_tool(TOOL, *arguments, '--stages', 'project', 'encode')


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
    assert results[f'{stage} forward ours']['deviation'] < 1e-5
    assert results[f'{stage} forward plain']['ratio']['median'] == 1
    for form in ('ours', 'plain'):
        forward = results[f'{stage} forward {form}']['multiply_adds']
        both = results[f'{stage} forward+backward {form}']['multiply_adds']
        assert 0 < forward < both


@pytest.mark.parametrize(
    ('method', 'head', 'arguments', 'message'),
    [
        (
            'DeMT',
            {},
            ['--shape', '2', '3', '32', '40'],
            'attn_scope=batch, or give a batch of 1',
        ),
        (
            'MQTransformer',
            {},
            ['--shape', '2', '3', '32', '40'],
            'attn_scope=batch, or give a batch of 1',
        ),
        (
            'MQTransformer',
            dict(attn_scope='tokens'),
            [],
            r"attn_scope='tokens' is not .* 'sample' or 'batch'",
        ),
        ('MQTransformer', dict(depth=2), [], r'depth=2: .*measure depth=1'),
        (
            'MQTransformer',
            dict(residual='sequential'),
            [],
            r"residual='sequential' is not .*measure 'released'",
        ),
        (
            'SCA-MTL',
            dict(channels=[8, 16, 32, 64]),
            [],
            'knows neither auxiliary_tasks nor channels: leave them out',
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
        'the config has PerTaskHeads without neck; this subject knows '
        'DeformableMixer with TaskQueryHead (DeMT), MultiQueryHead without '
        'neck (MQTransformer), WindowSelfAttention with '
        'SequentialCrossAttentionHead (SCA-MTL)'
    ) in end.err
