"""From a model to a file of one of three formats, and back to run it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from mmmtl.deploy.exportable import ExportableModel
from mmmtl.deploy.onnx_inferencer import METADATA_KEY, OnnxInferencer
from mmmtl.deploy.picture_steps import Size
from mmmtl.deploy.plain_layers import LEAST, MOST, STEP, pad_by_constants
from mmmtl.errors import UserError

Format = Literal['onnx', 'torch-export', 'torchscript']
Maps = dict[str, np.ndarray]
#: A file that was opened: ``(H, W, 3)`` uint8 BGR pictures of one size in, as
#: many as the file takes at a time; maps of each out.
Opened = Callable[[Sequence[np.ndarray]], list[Maps]]
#: Writes a file with what it shall say about itself.
Save = Callable[[Path, Mapping[str, Any]], None]

_OTHER_FILE = f'{METADATA_KEY}.json'
_MOST_PICTURES = 1024


@dataclass(frozen=True)
class Shape:
    """The pictures that a file takes.

    Attributes:
        size: Height and width; None for all multiples of ``STEP``.
        batch: Number of pictures; None for any.
    """

    size: Size | None
    batch: int | None

    def example(self) -> Tensor:
        """Return pictures to trace with, of sides that differ."""
        size = self.size or (3 * STEP, 4 * STEP)
        # One picture would be taken for a constant.
        return torch.zeros(self.batch or 2, *size, 3, dtype=torch.uint8)

    def dimensions(self) -> dict[str, dict[int, Any]] | None:
        """Say to PyTorch which sides of the input may change."""
        dim = torch.export.Dim
        found: dict[int, Any] = {}
        if self.batch is None:
            found[0] = dim('pictures', min=1, max=_MOST_PICTURES)
        if self.size is None:
            found[1] = STEP * dim('rows', min=LEAST, max=MOST)
            found[2] = STEP * dim('columns', min=LEAST, max=MOST)
        return {'image': found} if found else None

    def takes(self, size: Size) -> bool:
        """Tell whether pictures of a size are among them."""
        if self.size is not None:
            return tuple(size) == tuple(self.size)
        return all(
            side % STEP == 0 and LEAST <= side // STEP <= MOST for side in size
        )

    def as_plain(self) -> dict[str, Any]:
        """Return it as files say it: sizes, or steps and the least side."""
        size = None if self.size is None else list(self.size)
        step, least = (STEP, LEAST * STEP) if size is None else (1, 1)
        return dict(size=size, step=step, least=least, batch=self.batch)


def check_onnx() -> None:
    """Refuse ONNX before minutes of tracing where it cannot be written."""
    try:
        for name in ('onnx', 'onnxscript', 'onnxruntime'):
            import_module(name)
    except ImportError as error:
        raise UserError(
            f"format onnx: {error}; pip install 'mmmtl[deploy]'"
        ) from error


def trace(
    model: ExportableModel, shape: Shape
) -> torch.export.ExportedProgram:
    """Return a model's graph.

    Args:
        model: Of a size in general, its convolutions are changed in place.
        shape: The pictures it shall take.
    """
    if shape.size is None:
        pad_by_constants(model)
    with torch.no_grad(), quiet():
        program = torch.export.export(
            model,
            (shape.example(),),
            dynamic_shapes=shape.dimensions(),
            strict=False,
        )
    # Also of the parts that run outside of autocast, graphs of their own.
    for part in program.graph_module.modules():
        for node in getattr(part, 'graph', torch.fx.Graph()).nodes:
            node.meta.pop('stack_trace', None)  # folders of this machine
    return program


def build(
    format: Format,
    model: ExportableModel,
    program: torch.export.ExportedProgram | None,
    shape: Shape,
) -> Save:
    """Translate a model, and return what writes it to a file.

    Args:
        format: Of the file.
        model: What was traced.
        program: From :func:`trace`; None for TorchScript, which traces anew.
        shape: The pictures it takes.
    """
    with torch.no_grad(), quiet():
        if program is None:
            return _build_torchscript(model, shape)
        if format == 'onnx':
            return _build_onnx(program, model.tasks)

    def save(path: Path, metadata: Mapping[str, Any]) -> None:
        files = {_OTHER_FILE: json.dumps(metadata)}
        # PyTorch's own writer ends the process where the disk is full.
        buffer = io.BytesIO()
        torch.export.save(program, buffer, extra_files=files)
        path.write_bytes(buffer.getbuffer())

    return save


def open_file(format: Format, path: Path) -> Opened:
    """Open a file to run it on pictures.

    Args:
        format: Of the file.
        path: The file.
    """
    if format == 'onnx':
        inferencer = OnnxInferencer(path)
        return lambda pictures: list(
            inferencer.stream(pictures, batch_size=len(pictures))
        )
    with quiet():
        if format == 'torch-export':
            with path.open('rb') as file:
                run = torch.export.load(file).module()
        else:
            run = torch.jit.load(path)

    def opened(pictures: Sequence[np.ndarray]) -> list[Maps]:
        images = torch.from_numpy(np.stack(pictures)[..., ::-1].copy())
        with torch.no_grad():
            found = run(images)
        return [
            {task: maps[index].numpy() for task, maps in found.items()}
            for index in range(len(pictures))
        ]

    return opened


def _build_onnx(
    program: torch.export.ExportedProgram, tasks: Sequence[str]
) -> Save:
    from onnxscript import optimizer

    made: Any = torch.onnx.export(  # None without dynamo
        program,
        dynamo=True,
        input_names=['image'],
        output_names=list(tasks),
        # onnxruntime does the same when it opens the file. Here each of some
        # hundred rules looks for its pattern from every node, which took
        # half of the time: minutes for the windows of MulT and SCA-MTL.
        optimize=False,
        verbose=False,
    )
    # A convolution without a bias got one of expanded zeros; as numbers they
    # let onnxruntime fuse more, in float32 and in eight bits.
    optimizer.fold_constants(made.model)
    optimizer.remove_unused_nodes(made.model)
    for node in made.model.graph.all_nodes():
        node.metadata_props.clear()  # file names and lines of this machine

    def save(path: Path, metadata: Mapping[str, Any]) -> None:
        made.model.metadata_props[METADATA_KEY] = json.dumps(metadata)
        made.save(path, external_data=False)

    return save


def _build_torchscript(model: ExportableModel, shape: Shape) -> Save:
    example = shape.example()
    traced = torch.jit.trace(model, example, strict=False, check_trace=False)
    checked = torch.jit.script(_OneShape(traced, list(example.shape)))

    def save(path: Path, metadata: Mapping[str, Any]) -> None:
        files = {_OTHER_FILE: json.dumps(metadata)}
        buffer = io.BytesIO()  # as above
        torch.jit.save(checked, buffer, _extra_files=files)
        path.write_bytes(buffer.getbuffer())

    return save


class _OneShape(nn.Module):
    """A trace, and a check of what it takes.

    A trace holds the sizes that it was made with as constants: at others it
    would give wrong maps and no error.
    """

    def __init__(self, traced: nn.Module, shape: list[int]) -> None:
        super().__init__()
        self.traced = traced
        self.shape = shape

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        if image.dtype != torch.uint8 or list(image.shape) != self.shape:
            raise ValueError(
                f'this file takes uint8 pictures of shape {self.shape}, '
                f'found {list(image.shape)}'
            )
        return self.traced(image)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what exporters and onnxruntime say about themselves."""
    # None is the root, through which onnxruntime's quantisation warns.
    names = ('torch.onnx', 'onnxscript', None)
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
