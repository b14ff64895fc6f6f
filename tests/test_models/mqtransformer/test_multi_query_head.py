from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.layers.scoped_attention import SCOPES
from mmmtl.models.losses import flatten_losses
from mmmtl.models.mqtransformer import MultiQueryHead
from mmmtl.models.mqtransformer.multi_query_block import MultiQueryBlock
from tests.reference import mqtransformer
from tests.tiny import CLASSES, NYUD, head_tasks, random_sample

B, C, Q = 2, 8, 3
PYRAMID = (4, 6, 10)
SIZES = ((5, 7), (3, 4), (2, 2))
RESIDUALS = ('released', 'sequential')


def build(tasks: Any = NYUD, **arguments: Any) -> MultiQueryHead:
    head = MultiQueryHead(
        **dict(
            tasks=tasks if isinstance(tasks, dict) else head_tasks(tasks),
            in_channels=PYRAMID,
            channels=C,
            num_queries=Q,
            num_heads=2,
            bottleneck_channels=4,
            # Chance has a test of its own.
            drop_path_rate=0.0,
            query_drop_path_rate=0.0,
            query_dropout=0.0,
        )
        | arguments
    )
    for parameter in head.parameters():  # ones and zeros would hide mistakes
        nn.init.normal_(parameter, std=0.3)
    return head


def pyramid(batch: int = B) -> list[Tensor]:
    return [
        torch.randn(batch, channels, *size)
        for channels, size in zip(PYRAMID, SIZES, strict=True)
    ]


@pytest.mark.parametrize(
    ('scope', 'batch'), [('batch', 3), ('batch', 1), ('sample', 1)]
)
def test_equals_the_released_code(scope: Any, batch: int) -> None:
    head = build(attn_scope=scope).double().eval()
    inputs = [level.double() for level in pyramid(batch)]
    want = mqtransformer.logits(head, inputs)
    for task, logits in head(inputs).items():
        assert torch.allclose(logits, want[task], rtol=0, atol=1e-9), task


def test_sequential_residual_starts_at_what_was_decoded() -> None:
    """With the last attention and MLP at zero, it passes the input on.

    Then the released form returns the feature that came in; the sequential
    one what the pixels have read.
    """
    found = {}
    for residual in RESIDUALS:
        torch.manual_seed(0)
        decoder = build(residual=residual).blocks[0].decoder
        for layer in (decoder.self_attention.out_proj, decoder.mlp2.fc2):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        torch.manual_seed(1)
        x, own = torch.randn(B, 9, C), torch.randn(B, Q, C)
        pixels = F.layer_norm(x, (C,))
        positions = torch.randn(Q, C)
        read = x + mqtransformer.attend(
            decoder.attention, x, own + positions, own
        )
        want = dict(released=x, sequential=read + decoder.mlp1(read))
        found = decoder(x, pixels, own, positions)
        assert torch.allclose(found, want[residual], atol=1e-5), residual


def test_an_unknown_residual_or_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="residual='paper': give one of"):
        build(residual='paper')
    with pytest.raises(ValueError, match="attn_scope='pixel': give one of"):
        build(attn_scope='pixel')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(drop_path_rate=1.5), r'drop_path_rate=1\.5: give a share of 0'),
        (dict(query_drop_path_rate=1), 'query_drop_path_rate=1: give a shar'),
        (dict(drop_path_rate=-0.1), r'drop_path_rate=-0\.1: give a share'),
        (dict(tasks={}), 'task'),
        (dict(tasks=dict(flow=dict())), "'flow'"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_another_pyramid_does_not_pass() -> None:
    for wrong in (pyramid()[:2], pyramid()[::-1]):
        with pytest.raises((ValueError, RuntimeError)):
            build()(wrong)


@pytest.mark.parametrize('scope', ['sample', 'tokens'])
def test_an_image_does_not_depend_on_its_batch(scope: Any) -> None:
    head, inputs = build(attn_scope=scope).eval(), pyramid()
    both = head(inputs)
    alone = head([level[:1] for level in inputs])
    for task in NYUD:
        assert torch.allclose(both[task][:1], alone[task], atol=1e-5), task


def test_scopes_differ_where_they_should() -> None:
    inputs, results = [x.double() for x in pyramid()], {}
    for scope in SCOPES:
        torch.manual_seed(0)
        head = build(attn_scope=scope).double().eval()
        results[scope] = head(inputs)['semseg']
    scale = results['sample'].std()
    for other in ('batch', 'tokens'):
        far = (results['sample'] - results[other]).abs().max()
        assert far > 0.01 * scale, other


@pytest.mark.parametrize('depth', [1, 2])
def test_permuting_the_tasks_permutes_the_outputs(depth: int) -> None:
    head = build(depth=depth).eval()
    other = build(NYUD[::-1], depth=depth).eval()
    other.load_state_dict(head.state_dict())
    inputs = pyramid()
    ours, theirs = head(inputs), other(inputs)
    assert list(ours) == list(NYUD)
    assert list(theirs) == list(NYUD[::-1])
    for task in NYUD:
        assert torch.allclose(ours[task], theirs[task], atol=1e-5), task


def test_a_task_s_queries_learn_from_every_other_task() -> None:
    samples = [random_sample(NYUD, (10, 14)) for _ in range(B)]
    for task in NYUD:
        head = build()
        losses = flatten_losses(head.loss(pyramid(), samples))
        sum(v for k, v in losses.items() if k.startswith(task)).backward()
        for other, queries in head.blocks[0].queries.items():
            assert queries.grad.abs().max() > 0, (task, other)
        for other, projection in head.projections.items():
            assert projection.linear.weight.grad.abs().max() > 0, other
        for other, output in head.output_blocks.items():
            grad = output.classifier.weight.grad
            assert (grad is None) == (other != task), (task, other)


def test_encoder_exchange_and_decoder_serve_all_tasks() -> None:
    """More tasks bring queries, projections and outputs, nothing else."""
    few, many = build(NYUD[:1]), build()
    for part in ('encoder', 'exchange', 'decoder'):
        counts = {
            sum(p.numel() for p in getattr(h.blocks[0], part).parameters())
            for h in (few, many)
        }
        assert len(counts) == 1
    weight = many.blocks[0].encoder.reason.weight
    inputs = pyramid()
    before = many.eval()(inputs)
    with torch.no_grad():
        weight += 0.1
    after = many(inputs)
    for task in NYUD:
        assert (before[task] - after[task]).abs().max() > 1e-5, task


@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('residual', RESIDUALS)
def test_every_parameter_has_a_gradient(scope: Any, residual: Any) -> None:
    head = build(attn_scope=scope, residual=residual, depth=2)
    samples = [random_sample(NYUD, (10, 14)) for _ in range(B)]
    sum(flatten_losses(head.loss(pyramid(), samples)).values()).backward()
    missing = [n for n, p in head.named_parameters() if p.grad is None]
    assert missing == []
    for name, parameter in head.named_parameters():
        grad = parameter.grad
        if name.endswith('norm_k.bias'):  # no softmax sees it
            continue
        if name.endswith('in_proj_weight') and 'decoder' in name:
            # One key: the softmax is 1 whatever query and key are.
            grad = grad[2 * C :]
        assert grad.abs().max() > 0, name


def test_queries_can_be_read_out() -> None:
    head, inputs = build(depth=2).eval(), pyramid()
    logits, queries = head(inputs, return_queries=True)
    for task, want in head(inputs).items():
        assert torch.equal(logits[task], want)
    assert list(queries) == list(NYUD)
    for task, read in queries.items():
        assert read.queries.shape == (B, Q, C)
        assert read.attention.shape == (B, Q, *SIZES[0])
        total = read.attention.sum((2, 3))
        assert torch.allclose(total, torch.ones(B, Q), atol=1e-5), task


def test_a_query_that_looks_for_a_pixel_is_seen_there() -> None:
    """With one head and W_q, W_k the identity, scores are cosines."""
    head = build(num_heads=1, tasks=NYUD[:1]).eval()
    block: MultiQueryBlock = head.blocks[0]
    attention = block.encoder.attention
    with torch.no_grad():
        for layer in (attention.to_q, attention.to_k):
            layer.weight.copy_(20 * torch.eye(C))
        for norm in (attention.norm_q, attention.norm_k):
            norm.weight.fill_(1)
            norm.bias.zero_()
        block.query_positions['semseg'].zero_()
        feature = head.projections['semseg'](pyramid(1))
        block.queries['semseg'][1] = feature[0, :, 2, 3]
    inputs = pyramid(1)
    head.projections['semseg'].forward = lambda _: feature
    attention_map = head(inputs, return_queries=True)[1]['semseg'].attention
    peak = attention_map[0, 1].argmax().item()
    assert (peak // SIZES[0][1], peak % SIZES[0][1]) == (2, 3)


def test_the_exchange_drops_queries_and_not_images() -> None:
    torch.manual_seed(0)
    exchange = build(query_drop_path_rate=0.5).blocks[0].exchange.train()
    nn.init.zeros_(exchange.mlp.fc2.weight)
    nn.init.zeros_(exchange.mlp.fc2.bias)
    own = torch.randn(1, 200, C).expand(B, -1, -1)
    moved = (exchange(dict(depth=own))['depth'] - own).abs().amax(-1) > 1e-6
    assert torch.equal(moved[0], moved[1])
    assert 70 < moved[0].sum() < 130  # half of 200


class Mask(nn.Module):
    """In place of DropPath: every second entry of the first axis, doubled.

    Which ones changes from call to call, so that no call can be left out or
    exchanged with another.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, residual: Tensor) -> Tensor:
        self.calls += 1
        kept = 2.0 * ((torch.arange(len(residual)) + self.calls) % 2)
        return residual * kept.view(-1, *[1] * (residual.ndim - 1))


@pytest.mark.parametrize('residual', RESIDUALS)
def test_what_the_decoder_may_drop(residual: Any) -> None:
    decoder = build(residual=residual).double().blocks[0].decoder
    decoder.drop_path = Mask()
    x, own = torch.randn(B, 9, C).double(), torch.randn(B, Q, C).double()
    positions, drop = torch.randn(Q, C).double(), Mask()
    found = decoder(x, F.layer_norm(x, (C,)), own, positions)
    o = x + drop(
        mqtransformer.attend(decoder.attention, x, own + positions, own)
    )
    o = o + drop(decoder.mlp1(o))
    # A pixel sees itself: as many sequences of length 1 as there are pixels.
    mixed = mqtransformer.over_the_batch(
        decoder.self_attention, o.reshape(1, -1, C)
    )
    r = (x if residual == 'released' else o) + drop(mixed.view_as(o))
    want = r + drop(decoder.mlp2(r))
    assert torch.allclose(found, want, atol=1e-10)


def test_what_the_encoder_may_drop() -> None:
    encoder = build().double().blocks[0].encoder
    encoder.drop_path, drop = Mask(), Mask()
    x, own = torch.randn(B, 9, C).double(), torch.randn(B, Q, C).double()
    positions = torch.randn(Q, C).double()
    found = encoder(own, positions, F.layer_norm(x, (C,)))
    read = mqtransformer.attend(encoder.attention, own + positions, x, x)
    a = own + drop(read)
    a = a + encoder.reason(encoder.reason_norm(a))
    assert torch.allclose(found, a + drop(encoder.mlp(a)), atol=1e-10)


def test_what_the_exchange_may_drop() -> None:
    """Queries, in both residuals, and the same ones of all images."""
    exchange = build().double().blocks[0].exchange
    exchange.drop_path, drop = Mask(), Mask()
    own = {task: torch.randn(B, Q, C).double() for task in NYUD}
    attention = nn.MultiheadAttention(C, 2).double()
    attention.load_state_dict(exchange.attention.state_dict())
    u = torch.cat(list(own.values()), 1).transpose(0, 1)
    u = u + drop(attention(u, u, u)[0])
    u = u + drop(exchange.mlp(exchange.norm(u)))
    found = torch.cat(list(exchange(own).values()), 1)
    assert torch.allclose(found, u.transpose(0, 1), atol=1e-10)


def test_query_maps_are_those_of_the_last_block() -> None:
    head, inputs = build(depth=2).double().eval(), pyramid()
    inputs = [level.double() for level in inputs]
    entered: list[dict[str, Tensor]] = []
    head.blocks[0].register_forward_hook(
        lambda _, args, result: entered.append(dict(result))
    )
    maps = head(inputs, return_queries=True)[1]
    block = head.blocks[1]
    attention = block.encoder.attention
    for task in NYUD:
        x = entered[0][task]
        asked = block.queries[task] + block.query_positions[task].repeat(1, 2)
        q = attention.to_q(attention.norm_q(asked)).unflatten(-1, (2, -1))
        k = attention.to_k(attention.norm_k(x)).unflatten(-1, (2, -1))
        scores = torch.einsum('qhd,bnhd->bhqn', q, k) / (C // 2) ** 0.5
        want = scores.softmax(-1).mean(1).unflatten(-1, SIZES[0])
        assert torch.allclose(maps[task].attention, want, atol=1e-10), task


def test_rates_reach_their_modules() -> None:
    rates = dict(
        drop_path_rate=0.2, query_drop_path_rate=0.4, query_dropout=0.3
    )
    head = MultiQueryHead(tasks=head_tasks(NYUD), in_channels=PYRAMID)
    # The released rates, which no config repeats.
    for block, want in (
        (build(**rates).blocks[0], (0.2, 0.2, 0.4, 0.3)),
        (head.blocks[0], (0.1, 0.1, 0.5, 0.1)),
    ):
        assert want == (
            block.encoder.drop_path.drop_prob,
            block.decoder.drop_path.drop_prob,
            block.exchange.drop_path.drop_prob,
            block.exchange.attention.dropout,
        )


def test_initial_queries_are_small_and_outputs_start_at_their_bias() -> None:
    tasks = head_tasks(NYUD)
    tasks['depth']['initial_bias'] = 2.5
    head = MultiQueryHead(tasks=tasks, in_channels=PYRAMID)
    head.init_weights()
    for parameters in (
        head.blocks[0].queries,
        head.blocks[0].query_positions,
        head.blocks[0].key_positions,
    ):
        for parameter in parameters.values():
            assert 0.018 < parameter.std().item() < 0.022
    for task, output in head.output_blocks.items():
        want = 2.5 if task == 'depth' else 0.0
        bias = output.classifier.bias
        assert bias.tolist() == [want] * len(bias)
        assert output.bottleneck[0].out_channels == 64


def test_channels_of_the_outputs() -> None:
    tasks = (*NYUD, 'saliency', 'human_parts', 'edges2d')
    found = {t: m.shape[1] for t, m in build(tasks)(pyramid(2)).items()}
    assert found == CLASSES | dict(depth=1, normals=3, edge=1, edges2d=1)


def test_a_norm_of_the_config_is_used() -> None:
    head = build(norm_cfg=dict(type='GN', num_groups=2))
    assert isinstance(head.output_blocks['edge'].bottleneck[1], nn.GroupNorm)
