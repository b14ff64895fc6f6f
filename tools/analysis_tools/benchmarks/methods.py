"""The methods whose stages are measured: one row each.

A row says which stages a method has and what each one reads; a form of the
method has one function per stage, called alike. The rest is common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.engine.errors import UserError

from . import released_demt, released_mqtransformer, released_sca

#: The first and the last stage of every method.
BACKBONE, WHOLE = 'backbone', 'whole'


@dataclass(frozen=True)
class Method:
    """A method in two forms with the same weights.

    Attributes:
        name: Its name in messages.
        neck: Name of the class of its neck, None if it has none.
        head: Name of the class of its head.
        reads: Per stage between backbone and whole, in order, the stages
            whose results it is called with. The last one gives the logits
            (B, K, h, w), one per task.
        forms: Classes with one method a stage, called with a segmentor:
            ``ours``, as the product computes, and ``plain``, as the released
            code does.
        check: Called with head and batch size; refuses settings at which
            the released code computes something else.
    """

    name: str
    neck: str | None
    head: str
    reads: Mapping[str, Sequence[str]]
    forms: Mapping[str, Callable[[nn.Module], Any]]
    check: Callable[[nn.Module, int], None]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, with backbone and whole."""
        return (BACKBONE, *self.reads, WHOLE)

    def inputs_of(
        self, form: Any, stage: str, image: Tensor
    ) -> tuple[Any, ...]:
        """Return what a stage is fed when the model sees an image.

        Args:
            form: One of the `forms`.
            stage: Any of the `stages`.
            image: ``(B, 3, H, W)``.
        """
        if stage in (BACKBONE, WHOLE):
            return (image,)
        results = {BACKBONE: form.model.backbone(image)}
        for name, sources in self.reads.items():
            inputs = tuple(results[source] for source in sources)
            if name == stage:
                break
            results[name] = getattr(form, name)(*inputs)
        return _contiguous(inputs)

    def function(self, form: Any, stage: str) -> Callable[..., Any]:
        """Return a stage of a form, to be called with its inputs."""
        if stage == WHOLE:
            return lambda image: self._whole(form, image)
        if stage == BACKBONE:
            return form.model.backbone
        return getattr(form, stage)

    def _whole(self, form: Any, image: Tensor) -> list[Tensor]:
        """Image (B, 3, H, W) -> logits (B, K, H, W), stage after stage."""
        results = {BACKBONE: form.model.backbone(image)}
        for name, sources in self.reads.items():
            inputs = [results[source] for source in sources]
            results[name] = logits = getattr(form, name)(*inputs)
        return [
            F.interpolate(one, image.shape[2:], mode='bilinear')
            for one in logits
        ]


def method_of(model: nn.Module) -> Method:
    """Return the row of a segmentor.

    Raises:
        UserError: If its neck and head belong to no row.
    """
    neck = getattr(model, 'neck', None)
    head = getattr(model, 'decode_head', None)
    found = (
        None if neck is None else type(neck).__name__,
        type(head).__name__,
    )
    for method in METHODS:
        if found == (method.neck, method.head):
            return method
    known = [f'{_parts(m.neck, m.head)} ({m.name})' for m in METHODS]
    raise UserError(
        f'the config has {_parts(*found)}; this subject knows '
        + ', '.join(known)
    )


def _parts(neck: str | None, head: str) -> str:
    return f'{head} without neck' if neck is None else f'{neck} with {head}'


def _contiguous(values: Any) -> Any:
    """Copy views, so that no stage pays for the layout of the one before."""
    if isinstance(values, Tensor):
        return values.contiguous()
    return type(values)(_contiguous(value) for value in values)


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested sequences."""
    if isinstance(values, Tensor):
        yield values
    else:
        for value in values:
            yield from tensors(value)


METHODS = (
    Method(
        'DeMT',
        neck='DeformableMixer',
        head='TaskQueryHead',
        reads={
            'project': [BACKBONE],
            'mix': ['project'],
            'interact': ['mix'],
            'query': ['mix', 'interact'],
            'decode': ['query'],
        },
        forms={
            'ours': released_demt.BuiltForm,
            'plain': released_demt.PlainForm,
        },
        check=released_demt.check,
    ),
    Method(
        'MQTransformer',
        neck=None,
        head='MultiQueryHead',
        reads={
            'project': [BACKBONE],
            'encode': ['project'],
            'exchange': ['encode'],
            'decode': ['project', 'exchange'],
            'output': [BACKBONE, 'decode'],
        },
        forms={
            'ours': released_mqtransformer.BuiltForm,
            'plain': released_mqtransformer.PlainForm,
        },
        check=released_mqtransformer.check,
    ),
    Method(
        'SCA-MTL',
        neck='WindowSelfAttention',
        head='SequentialCrossAttentionHead',
        reads={
            'attend': [BACKBONE],
            'exchange': ['attend'],
            'aggregate': ['exchange'],
        },
        forms={
            'ours': released_sca.BuiltForm,
            'plain': released_sca.PlainForm,
        },
        check=released_sca.check,
    ),
)
