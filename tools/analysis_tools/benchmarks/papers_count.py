"""What the papers of this field print as "FLOPs".

They are multiply-adds as ptflops 0.6.9 counts them on the released code. It
adds up the layers that it knows, whatever happens between them: convolutions
and linear layers with their biases, batch norms as two per value, ReLU and
GELU as one, ``nn.MultiheadAttention`` by a formula of its own. It does not
see deformable convolutions, attention written out by hand (Swin's windows,
MQTransformer's queries), layer norms, softmax and resizing. It adds up the
tree of modules, in which mmcv's feed-forward layers then held their
activation at two places, so that Swin's GELU counts twice.

Released code computes some of this in another order than we do, so that our
layers cannot be added up: all levels resized to the finest, then one linear
layer. For DeMT and MQTransformer neck and head are therefore formulas.
Published figures that they meet at 1x3x425x560: DeMT 100.70 G (Swin-T) and
121.05 G (Swin-S), FCN 17.59 G (HRNet18).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from mmcv.cnn.bricks.transformer import FFN
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmmtl.models.demt import DeformableMixer, TaskQueryHead
from mmmtl.models.mqtransformer import MultiQueryHead


def papers_count(
    model: nn.Module, case: Callable[[], Any]
) -> tuple[dict[str, int], list[str]]:
    """Run a case once and count as the papers do.

    Args:
        model: A segmentor.
        case: Runs it on one image, without gradients.

    Returns:
        By the module's name, ``''`` for the whole; and the names of those
        that were counted by a formula.
    """
    counts: Counter[nn.Module] = Counter()
    levels: list[Tensor] = []

    def count(layer: nn.Module, inputs: Sequence[Tensor], out: Tensor) -> None:
        counts[layer] += _of_layer(layer, inputs, out)

    handles = [
        layer.register_forward_hook(count)
        for layer in model.modules()
        if isinstance(layer, _LAYERS)
    ]
    backbone: Any = model.backbone
    handles.append(
        backbone.register_forward_hook(lambda *args: levels.extend(args[-1]))
    )
    try:
        case()
    finally:
        for handle in handles:
            handle.remove()
    for ffn in model.modules():
        if isinstance(ffn, FFN):
            for layer in ffn.modules():
                counts[layer] *= 2 if isinstance(layer, _ACTIVATIONS) else 1
    found = Counter(
        {
            name: counts[layer]
            for name, layer in model.named_modules()
            if counts[layer]
        }
    )
    height, width = levels[0].shape[-2:]
    formulas = _formulas(model, (height, width))
    for name in list(found):
        if name.startswith(tuple(f'{part}.' for part in formulas)):
            del found[name]
    found.update(formulas)
    return _with_parents(found), list(formulas)


def _with_parents(counts: Counter[str]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, value in counts.items():
        parts = name.split('.')
        for length in range(len(parts) + 1):
            total['.'.join(parts[:length])] += value
    return total


_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.GELU)
_LAYERS = (nn.Linear, nn.Conv2d, _BatchNorm, *_ACTIVATIONS)


def _of_layer(layer: nn.Module, inputs: Sequence[Tensor], out: Tensor) -> int:
    if isinstance(layer, nn.Linear):
        products = inputs[0].numel() * layer.out_features
        # A slip of ptflops: one bias per layer, not per token.
        return products + (0 if layer.bias is None else layer.out_features)
    if isinstance(layer, nn.Conv2d):
        bias = 0 if layer.bias is None else 1
        return out.numel() * (prod(layer.weight.shape[1:]) + bias)
    return out.numel() * (2 if isinstance(layer, _BatchNorm) else 1)


def _formulas(model: Any, size: tuple[int, int]) -> dict[str, int]:
    """Return the counts of parts whose released form is another."""
    head = model.decode_head
    classes = [output.channels for output in head.outputs.values()]
    if isinstance(head, MultiQueryHead):
        return {'decode_head': _multi_query(head, size, classes)}
    if isinstance(head, TaskQueryHead) and isinstance(
        model.neck, DeformableMixer
    ):
        pixels = prod(size)
        return {
            'neck': _mixers(model.neck, pixels),
            'decode_head': _task_queries(head, pixels, classes),
        }
    return {}


def _mixers(neck: DeformableMixer, pixels: int) -> int:
    """One linear layer over all levels, then the mixers of every task."""
    linear = neck.projection.linear
    width = linear.out_features
    mix = pixels * width * (width + 1) + _norm_and_gelu(pixels * width)
    offsets = pixels * (9 * width * 18 + 18 + 162 * width + 2 * width)
    gather = offsets + _norm_and_gelu(pixels * width)  # not the sampling
    depth = sum(len(mixer) for mixer in neck.mixers.values())
    return _linear(pixels, linear.in_features, width) + (mix + gather) * depth


def _norm_and_gelu(values: int) -> int:
    return 3 * values


def _task_queries(
    head: TaskQueryHead, pixels: int, classes: Sequence[int]
) -> int:
    """Attention over the batch: of one image each pixel is by itself."""
    width, tasks = head.bottlenecks[head.tasks[0]][0].in_channels, len(classes)
    total = 0
    if head.with_interaction:
        heads = head.interaction.num_heads
        total += tasks * pixels * _attention(width, heads, 1, 1)
        total += _linear(tasks * pixels, width, width)
    if head.with_queries:
        heads = head.queries[head.tasks[0]].num_heads
        # Each pixel meets the keys of all tasks, and ptflops sees one.
        total += tasks * pixels * _attention(width, heads, 1, 1)
        total += tasks * _linear(pixels, width, width)
    middle = head.bottlenecks[head.tasks[0]][0].out_channels
    return total + _outputs(pixels, width, middle, classes)


def _multi_query(
    head: MultiQueryHead, size: tuple[int, int], classes: Sequence[int]
) -> int:
    pixels, tasks = prod(size), len(classes)
    linear: Any = head.projections[head.tasks[0]].linear
    width = linear.out_features
    per_task = _linear(pixels, linear.in_features, width)
    total = 0
    for block in head.blocks:
        queries = block.queries[head.tasks[0]].shape[-2]
        # Patches of 4x4 pixels, whose result nobody reads.
        patches = -(-size[0] // 4) * -(-size[1] // 4)
        per_task += patches * width * (16 * width + 1)
        per_task += _read(pixels, queries, width)
        per_task += _write(pixels, queries, width, block.num_heads)
        total += _attention(
            width, block.num_heads, tasks * queries, tasks * queries
        )
        total += _two_layers(tasks * queries, width, width)
    middle = head.output_blocks[head.tasks[0]].classifier.in_channels
    return total + tasks * per_task + _outputs(pixels, width, middle, classes)


def _read(pixels: int, queries: int, width: int) -> int:
    """Queries read the pixels: projections, one layer, two layers."""
    square = width * width
    attention = queries * square + 2 * pixels * square
    after = _linear(queries, width, width) + queries * square
    return attention + after + _two_layers(queries, width, width)


def _write(pixels: int, queries: int, width: int, heads: int) -> int:
    """Pixels read the queries; then attention over the batch; then GELU."""
    square = width * width
    attention = pixels * square + 2 * queries * square
    after = _linear(pixels, width, width)
    own = pixels * _attention(width, heads, 1, 1)
    layers = 2 * _two_layers(pixels, width, 3 * width)
    return attention + after + own + layers + pixels * width


def _linear(tokens: int, inputs: int, outputs: int) -> int:
    return tokens * inputs * outputs + outputs


def _two_layers(tokens: int, width: int, hidden: int) -> int:
    """Linear, GELU, Linear."""
    there, back = (
        _linear(tokens, width, hidden),
        _linear(tokens, hidden, width),
    )
    return there + tokens * hidden + back


def _attention(width: int, heads: int, queries: int, keys: int) -> int:
    """Return what ptflops takes ``nn.MultiheadAttention`` for, per sample."""
    projections = (queries + 2 * keys) * width * (width + 1)
    products = 2 * queries * keys * width + heads * queries * keys
    return (
        queries * width
        + projections
        + products
        + queries * width * (width + 1)
    )


def _outputs(
    pixels: int, width: int, middle: int, classes: Sequence[int]
) -> int:
    """3x3 convolution, norm and ReLU of every task, then the logits."""
    block = pixels * middle * (9 * width + 3)
    return len(classes) * block + pixels * (middle + 1) * sum(classes)
