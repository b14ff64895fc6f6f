from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.demt import TaskQueryHead
from mmmtl.models.layers.scoped_attention import SCOPES
from mmmtl.models.losses import flatten_losses
from tests.reference import demt
from tests.tiny import CLASSES, NYUD, head_tasks, random_sample

B, C, H, W = 2, 8, 3, 5
SCOPE = pytest.mark.parametrize('scope', SCOPES)


def build(tasks: Any = NYUD, **arguments: Any) -> TaskQueryHead:
    head = TaskQueryHead(
        **dict(
            tasks=head_tasks(tasks),
            channels=C,
            bottleneck_channels=4,
            num_heads=2,
        )
        | arguments
    )
    for name, parameter in head.named_parameters():
        if name.endswith('bias'):  # zeros would hide a mistake
            nn.init.normal_(parameter, std=0.1)
    return head


def features(batch: int = B, tasks: Any = NYUD) -> dict[str, Tensor]:
    return {task: torch.randn(batch, C, H, W) for task in tasks}


@pytest.mark.parametrize(
    ('scope', 'batch'), [('batch', 2), ('batch', 1), ('sample', 1)]
)
def test_equals_the_released_code(scope: Any, batch: int) -> None:
    head = build(attn_scope=scope).double().eval()
    inputs = {t: f.double() for t, f in features(batch).items()}
    want = demt.logits(head, inputs)
    for task, logits in head(inputs).items():
        assert torch.allclose(logits, want[task], rtol=0, atol=1e-10), task


def test_scopes_differ_where_they_should() -> None:
    head = build().double().eval()
    inputs = {t: f.double() for t, f in features().items()}
    results = {}
    for scope in SCOPES:
        head.attn_scope = scope
        results[scope] = head(inputs)['semseg']
    scale = results['sample'].std()
    for other in ('batch', 'tokens'):
        far = (results['sample'] - results[other]).abs().max()
        assert far > 0.01 * scale, other


@pytest.mark.parametrize('scope', ['sample', 'tokens'])
def test_an_image_does_not_depend_on_its_batch(scope: Any) -> None:
    head = build(attn_scope=scope).eval()
    inputs = features()
    both = head(inputs)
    alone = head({task: maps[:1] for task, maps in inputs.items()})
    for task in NYUD:
        assert torch.allclose(both[task][:1], alone[task], atol=1e-5), task


@SCOPE
def test_permuting_the_tasks_permutes_the_outputs(scope: Any) -> None:
    head = build(attn_scope=scope).eval()
    other = build(NYUD[::-1], attn_scope=scope).eval()
    other.load_state_dict(head.state_dict())
    inputs = features()
    ours, theirs = head(inputs), other(inputs)
    assert list(ours) == list(NYUD)
    assert list(theirs) == list(NYUD[::-1])
    for task in NYUD:
        assert torch.allclose(ours[task], theirs[task], atol=1e-5), task


@SCOPE
def test_every_parameter_has_a_gradient(scope: Any) -> None:
    head = build(attn_scope=scope)
    samples = [random_sample(NYUD, (6, 10)) for _ in range(B)]
    sum(flatten_losses(head.loss(features(), samples)).values()).backward()
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert missing == []
    # Zero where one key makes the softmax 1, or, for the keys' bias, always:
    # it shifts all scores of a query alike. Nowhere else.
    for name, parameter in head.named_parameters():
        grad = parameter.grad
        assert grad is not None
        if name.endswith('in_proj_weight'):
            grad = grad[2 * C :]
        assert grad.abs().max() > 0, name


def test_a_task_s_loss_does_not_reach_another_s_output() -> None:
    head = build()
    samples = [random_sample(NYUD, (6, 10)) for _ in range(B)]
    losses = flatten_losses(head.loss(features(), samples))
    losses['depth.loss_l1'].backward()
    for name, parameter in head.named_parameters():
        kind, _, rest = name.partition('.')
        if kind in ('interaction', 'interaction_mlp'):
            assert parameter.grad is not None, name
        elif rest.startswith('depth.'):
            assert parameter.grad.abs().max() > 0, name
        else:
            assert parameter.grad is None, name


def test_tasks_meet_only_at_the_same_pixel() -> None:
    """In the default scope, before the 3x3 convolutions."""
    head = build().eval()
    seen: dict[str, Tensor] = {}
    for task in NYUD:
        head.bottlenecks[task].register_forward_pre_hook(
            lambda _, args, task=task: seen.update({task: args[0]})
        )
    inputs = features()
    with torch.no_grad():
        head(inputs)
        before = dict(seen)
        inputs['normals'][0, :, 1, 2] += 1  # pixel 7 of 3 x 5
        head(inputs)
    for task in NYUD:
        moved = (seen[task] - before[task]).abs().amax(1) > 1e-6
        assert moved.nonzero().tolist() == [[0, 1, 2]], task


def test_the_output_layer_starts_small_and_at_its_bias() -> None:
    tasks = head_tasks(NYUD)
    tasks['depth']['initial_bias'] = 2.5
    head = TaskQueryHead(tasks=tasks, channels=C, bottleneck_channels=64)
    head.init_weights()
    for task, layer in head.classifiers.items():
        want = 2.5 if task == 'depth' else 0.0
        assert layer.bias.tolist() == [want] * len(layer.bias)
        assert 0.005 < layer.weight.std().item() < 0.015, task


def test_loaded_weights_survive_the_initialisation(tmp_path: Any) -> None:
    source = build()
    torch.save(source.state_dict(), tmp_path / 'head.pth')
    head = build(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'head.pth'))
    )
    head.init_weights()
    for name, value in head.state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name


def test_channels_of_the_outputs() -> None:
    tasks = (*NYUD, 'saliency', 'human_parts')
    found = {
        t: m.shape[1] for t, m in build(tasks)(features(1, tasks)).items()
    }
    assert found == CLASSES | dict(depth=1, normals=3, edge=1)


def test_a_norm_of_the_config_is_used() -> None:
    head = build(norm_cfg=dict(type='GN', num_groups=2))
    assert isinstance(head.bottlenecks['depth'][1], nn.GroupNorm)
    assert isinstance(build().bottlenecks['depth'][1], nn.BatchNorm2d)


def test_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="attn_scope='pixel'"):
        build(attn_scope='pixel')
