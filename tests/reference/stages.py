"""The methods in stages: which there are, and what each one reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from tests.reference import demt, mqtransformer, sca_mtl

#: The first and the last stage of every method.
BACKBONE, WHOLE = 'backbone', 'whole'


@dataclass(frozen=True)
class Method:
    """A method in two forms with the same weights.

    Attributes:
        name: Its name in messages.
        reads: Per stage between backbone and whole, in order, the stages
            whose results it is called with. The last one gives the logits
            (B, K, h, w), one per task.
        forms: ``ours`` and ``plain``: made of neck and head, each with one
            method a stage.
    """

    name: str
    reads: Mapping[str, Sequence[str]]
    forms: dict[str, Callable[[Any, nn.Module], Any]]

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, with backbone and whole."""
        return (BACKBONE, *self.reads, WHOLE)

    def function(
        self, model: nn.Module, form: str, stage: str
    ) -> Callable[..., Any]:
        """A stage of a segmentor in one form, called with its inputs."""
        made = self.forms[form](
            getattr(model, 'neck', None), model.decode_head
        )
        if stage == WHOLE:
            return lambda image: _whole(self, made, model, image)
        return model.backbone if stage == BACKBONE else getattr(made, stage)

    def inputs_of(
        self, model: nn.Module, stage: str, image: Tensor
    ) -> tuple[Any, ...]:
        """What a stage is fed when the model sees ``(B, 3, H, W)``."""
        if stage in (BACKBONE, WHOLE):
            return (image,)
        made = self.forms['ours'](
            getattr(model, 'neck', None), model.decode_head
        )
        results = _run(self, made, model.backbone(image), until=stage)
        return _contiguous(tuple(results[name] for name in self.reads[stage]))


METHODS = {
    ('DeformableMixer', 'TaskQueryHead'): Method(
        'DeMT',
        reads={
            'project': [BACKBONE],
            'mix': ['project'],
            'interact': ['mix'],
            'query': ['mix', 'interact'],
            'decode': ['query'],
        },
        forms={'ours': demt.Built, 'plain': demt.Plain},
    ),
    (None, 'MultiQueryHead'): Method(
        'MQTransformer',
        reads={
            'project': [BACKBONE],
            'encode': ['project'],
            'exchange': ['encode'],
            'decode': ['project', 'exchange'],
            'output': [BACKBONE, 'decode'],
        },
        forms={'ours': mqtransformer.Built, 'plain': mqtransformer.Plain},
    ),
    ('WindowSelfAttention', 'SequentialCrossAttentionHead'): Method(
        'SCA-MTL',
        reads={
            'attend': [BACKBONE],
            'exchange': ['attend'],
            'aggregate': ['exchange'],
        },
        forms={'ours': sca_mtl.Built, 'plain': sca_mtl.Plain},
    ),
}


def method_of(model: nn.Module) -> Method:
    """The method of a segmentor.

    Raises:
        KeyError: If none has its neck and head.
    """
    neck, head = getattr(model, 'neck', None), model.decode_head
    name = None if neck is None else type(neck).__name__
    return METHODS[name, type(head).__name__]


def logits_of(method: Method, made: Any, features: Any) -> list[Tensor]:
    """Logits ``(B, K, h, w)`` of a form, by task, from the pyramid."""
    return list(_run(method, made, features).values())[-1]


def _whole(
    method: Method, made: Any, model: nn.Module, image: Tensor
) -> list[Tensor]:
    """Image to logits (B, K, H, W), stage after stage."""
    return [
        F.interpolate(one, image.shape[2:], mode='bilinear')
        for one in logits_of(method, made, model.backbone(image))
    ]


def _run(
    method: Method, made: Any, pyramid: Any, until: str | None = None
) -> dict[str, Any]:
    results = {BACKBONE: pyramid}
    for name, sources in method.reads.items():
        if name == until:
            break
        inputs = [results[source] for source in sources]
        results[name] = getattr(made, name)(*inputs)
    return results


def _contiguous(values: Any) -> Any:
    """Copy views, so that no stage pays for the layout of the one before."""
    if isinstance(values, Tensor):
        return values.contiguous()
    return type(values)(_contiguous(value) for value in values)
