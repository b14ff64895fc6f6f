"""The flow of an export: build, trace, write, check, keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from mmmtl.apis import MultiTaskInferencer
from mmmtl.apis.pictures import PictureInput, collect_pictures
from mmmtl.apis.save_pretrained import describe_tasks
from mmmtl.deploy import gate as gates
from mmmtl.deploy.exportable import ExportableModel, make_exportable
from mmmtl.deploy.formats import (
    LEAST,
    Format,
    Opened,
    Shape,
    build,
    check_onnx,
    open_file,
    trace,
)
from mmmtl.deploy.picture_steps import (
    Size,
    measure_steps,
    treats_all_alike,
)
from mmmtl.deploy.plain_layers import STEP, takes_any_size
from mmmtl.deploy.quantise import quantised
from mmmtl.engine.checkpoint import file_hash
from mmmtl.engine.named_models import find_weights, names_weights
from mmmtl.engine.weights import fetch_checkpoint
from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.rooms import render_room
from mmmtl.version import __version__

_DEFAULT_SIZE = (480, 640)


@dataclass(frozen=True)
class Exported:
    """A file that passed its gate.

    Attributes:
        path: Where it is.
        metadata: What it says about itself.
    """

    path: Path
    metadata: dict[str, Any]


def export_model(
    config: str | Path | Config,
    weights: str | Path | None,
    out: str | Path,
    *,
    format: Format = 'onnx',
    size: Size | None = None,
    images: PictureInput | Sequence[PictureInput] | None = None,
    samples: int = 0,
    cfg_options: dict[str, Any] | None = None,
    int8: bool = False,
    gate: gates.Gate | None = None,
) -> Exported:
    """Export a model, and keep the file if it does what the model does.

    Args:
        config: A config, its file, or the name of a model with weights.
        weights: Path or URL of a checkpoint; None for those of the name, or
            random ones.
        out: The file to write.
        format: ``'onnx'``, ``'torch-export'`` or ``'torchscript'``.
        size: Height and width of the pictures. None for any, where model
            and test pipeline allow it, else 480x640 or the size of the first
            picture; a line in the log says which.
        images: Pictures that model and file are compared on, resized to
            ``size``; two rendered rooms if None.
        samples: So many of the config's test data are predicted by both,
            too, and their metrics compared; 0 for none.
        cfg_options: Changes to the config, by dotted key.
        int8: Quantise an ONNX file, calibrated on ``images``; every fourth
            of them is kept back for the check.
        gate: What the file may differ by; ``gate.FLOAT`` or ``gate.INT8``
            if None.

    Raises:
        UserError: If the model cannot be exported so, or its file does not
            pass; names the tasks and what differs.
    """
    if format == 'onnx':
        check_onnx()
    inferencer = MultiTaskInferencer(
        config, weights, device='cpu', cfg_options=cfg_options
    )
    if int8 and (format != 'onnx' or images is None):
        raise UserError(
            f'int8 with format {format} and images {images}: give onnx, and '
            'pictures like those that the model will see, to calibrate with'
        )
    pictures = _read_pictures(inferencer, images)
    model, program, shape = _trace(inferencer, format, size, pictures)
    metadata = describe(inferencer.model, shape, _hash(config, weights))
    save = build(format, model, program, shape)
    pictures = fit(pictures, shape)
    if int8:
        metadata['precision'] = 'int8'
        calibration = [p for i, p in enumerate(pictures) if i % 4]
        save = quantised(save, calibration or pictures)
        pictures = pictures[::4]
    with new_file(out) as partial:
        save(partial, metadata)
        opened = open_file(format, partial)
        gate = gate or (gates.INT8 if int8 else gates.FLOAT)
        checked = check(inferencer, opened, pictures, samples, gate)
        metadata['checked'] = checked
        save(partial, metadata)
    return Exported(Path(out), metadata)


def report(exported: Exported) -> str:
    """Return a table for people: per task what was compared."""
    checked = exported.metadata['checked']
    size = exported.path.stat().st_size / 1e6
    lines = [f'{exported.path}: {size:.1f} MB', '']
    lines += [
        '| task | pixels that differ (%) | largest difference | metric |'
    ]
    lines += ['| --- | ---: | ---: | --- |']
    for task, found in checked['differences'].items():
        unit = exported.metadata['tasks'][task]['unit']
        largest = found['largest']
        largest = '' if largest is None else f'{largest:.2g} ({unit})'
        figure = checked['metrics'].get(task)
        metric = figure and f'{figure["file"]:.4g} (of {figure["model"]:.4g})'
        lines += [
            f'| {task} | {100 * found["pixels"]:.3g} | {largest} | '
            f'{metric or ""} |'
        ]
    return '\n'.join(lines)


def check(
    inferencer: MultiTaskInferencer,
    opened: Opened,
    pictures: Sequence[np.ndarray],
    samples: int,
    gate: gates.Gate,
) -> dict[str, Any]:
    """Compare a file with its model.

    Args:
        inferencer: The model.
        opened: The file.
        pictures: BGR arrays of sizes that the file takes.
        samples: Samples of the test data whose metrics are compared.
        gate: What may differ.

    Returns:
        What was found.

    Raises:
        UserError: If too much differs.
    """
    from mmmtl.deploy.metrics import compare_metrics

    differences = gates.compare_maps(
        [inferencer(picture) for picture in pictures],
        [opened(picture) for picture in pictures],
        gate,
    )
    figures = compare_metrics(inferencer, opened, samples) if samples else {}
    said = gates.failures(differences, figures, gate)
    if said:
        raise UserError(
            'the file is not kept, it differs from the model: '
            + '; '.join(said)
        )
    return gates.as_plain(differences, figures, gate)


def describe(
    model: nn.Module, shape: Shape, weights_hash: str | None
) -> dict[str, Any]:
    """Return what a file says about itself.

    Args:
        model: With ``dataset_meta``.
        shape: The pictures that the file takes.
        weights_hash: SHA-256 of the checkpoint; None for random weights.
    """
    described = dict(
        version=1,
        made_by=f'mmmtl {__version__}',
        weights_sha256=weights_hash,
        precision='float32',
        input=dict(
            name='image',
            layout='(N, H, W, 3) uint8 RGB',
            **shape.as_plain(),
        ),
        tasks=describe_tasks(model),
    )
    return json.loads(json.dumps(described))  # tuples become lists


def fit(pictures: Sequence[np.ndarray], shape: Shape) -> list[np.ndarray]:
    """Resize pictures to what a file takes; of any size, to two sizes."""
    if shape.size is not None:
        return [_resized(picture, shape.size) for picture in pictures]
    found = []
    for index, picture in enumerate(pictures):
        # Every second one at half its size: another number of pixels.
        sides = [side // (1 + index % 2) for side in picture.shape[:2]]
        height, width = (max(side // STEP, LEAST) * STEP for side in sides)
        found.append(_resized(picture, (height, width)))
    return found


def _trace(
    inferencer: MultiTaskInferencer,
    format: Format,
    size: Size | None,
    pictures: Sequence[np.ndarray],
) -> tuple[ExportableModel, torch.export.ExportedProgram | None, Shape]:
    """Trace for as many sizes and numbers of pictures as the model allows."""
    model, pipeline = inferencer.model, inferencer.pipeline
    fixed = size or pictures[0].shape[:2]
    steps = measure_steps(pipeline, model.data_preprocessor, fixed)
    shapes = [Shape(fixed, None), Shape(fixed, 1)]
    any_size = takes_any_size(model) and treats_all_alike(
        pipeline, model.data_preprocessor
    )
    if size is None and any_size:
        shapes.insert(0, Shape(None, None))
    if format == 'torchscript':  # a trace holds every number as a constant
        exportable = make_exportable(model, steps)
        return exportable, None, _say(shapes[-1])
    refusal: Exception | None = None
    for shape in shapes:
        exportable = make_exportable(model, steps)
        try:
            return exportable, trace(exportable, shape), _say(shape)
        except Exception as error:  # PyTorch's are of many classes
            refusal = error
    raise UserError(
        f'PyTorch cannot trace {type(model.decode_head).__name__} on '
        f'{type(model.backbone).__name__}: {str(refusal).splitlines()[0]}'
    ) from refusal


def _say(shape: Shape) -> Shape:
    """Tell what the file will take."""
    size = f'sides that are multiples of {STEP}'
    if shape.size is not None:
        size = f'{shape.size[0]}x{shape.size[1]} (height x width) only'
    number = 'any number of pictures' if shape.batch is None else 'one picture'
    print_log(f'the file takes {number} at a time, {size}', logger='current')
    return shape


def _read_pictures(
    inferencer: MultiTaskInferencer,
    images: PictureInput | Sequence[PictureInput] | None,
) -> list[np.ndarray]:
    """Return BGR arrays to compare on."""
    if images is None:
        rooms = [render_room(seed, *_DEFAULT_SIZE) for seed in (0, 1)]
        return [room.image[..., ::-1].copy() for room in rooms]
    return [inferencer.pipeline(p)['image'] for p in collect_pictures(images)]


def _resized(picture: np.ndarray, size: Size) -> np.ndarray:
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def _hash(
    config: str | Path | Config, weights: str | Path | None
) -> str | None:
    if weights is None and names_weights(config):
        weights = find_weights(config)
    return file_hash(fetch_checkpoint(str(weights))) if weights else None
