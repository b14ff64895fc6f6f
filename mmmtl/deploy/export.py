"""The flow of an export: build, trace, write, check, keep."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from mmmtl.apis.multi_task_inferencer import MultiTaskInferencer
from mmmtl.apis.pictures import Picture, PictureInput, collect_pictures
from mmmtl.apis.save_pretrained import describe_tasks
from mmmtl.deploy import gate as gates
from mmmtl.deploy.exportable import make_exportable, void_of
from mmmtl.deploy.formats import (
    Format,
    Opened,
    Save,
    Shape,
    build,
    check_onnx,
    open_file,
    trace,
)
from mmmtl.deploy.metrics import compare_metrics, sample_sizes
from mmmtl.deploy.picture_steps import (
    Size,
    measure_steps,
    treats_all_alike,
)
from mmmtl.deploy.plain_layers import (
    LEAST,
    STEP,
    takes_any_number,
    takes_any_size,
)
from mmmtl.deploy.quantise import quantised
from mmmtl.engine.checkpoint import file_hash
from mmmtl.engine.named_models import (
    find_model,
    find_weights,
    names_weights,
)
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


def export(
    model: str | Path,
    out: str | Path,
    *,
    config: str | Path | None = None,
    format: Format = 'onnx',
    size: tuple[int, int] | None = None,
    images: PictureInput | Sequence[PictureInput] | None = None,
    samples: int = 0,
    int8: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
) -> Exported:
    """Write a model as one file, checked against the model before it is kept.

    Args:
        model: What :func:`mmmtl.open_model` takes.
        out: The file to write.
        config: Config of the weights; the one beside them if None.
        format: See :func:`export_model`, as for the arguments up to
            ``int8``.
        size: Height and width of the pictures.
        images: Pictures that model and file are compared on.
        samples: Samples of the test data whose metrics are compared.
        int8: Eight bits.
        cfg_options: Changes to the config, by dotted key.
        trust_remote_code: See :func:`mmmtl.open_model`.

    Returns:
        The file's path, and what it says about itself.

    Raises:
        UserError: There is no such model, it cannot be exported so, or its
            file does not do what the model does.
    """
    found: Any = (config, model)
    if config is None:
        found = find_model(model, trust_remote_code=trust_remote_code)
    return export_model(
        found[0],
        found[1],
        out,
        format=format,
        size=size,
        images=images,
        samples=samples,
        int8=int8,
        cfg_options=dict(cfg_options or {}),
        trust_remote_code=trust_remote_code,
    )


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
    trust_remote_code: bool = False,
) -> Exported:
    """Export a model, and keep the file if it does what the model does.

    Args:
        config: A config, its file, or the name of a model with weights.
        weights: Path or URL of a checkpoint, or the name of a model, such as
            the work folder of a training; None for those of ``config`` where
            it is such a name, else random ones.
        out: The file to write.
        format: ``'onnx'``, ``'torch-export'`` or ``'torchscript'``.
        size: Height and width of the pictures. None for any, where model
            and test pipeline allow it, else 480x640 or the size of the first
            picture; a line in the log says which. With ``samples``, the size
            of the first of them goes before that of the pictures.
        images: Pictures that model and file are compared on, resized to
            ``size``; two rendered rooms if None.
        samples: So many of the config's test data are predicted by both,
            too, and their metrics compared; 0 for none. The file has to take
            pictures of all their sizes.
        cfg_options: Changes to the config, by dotted key.
        int8: Quantise an ONNX file, calibrated on ``images``, two or more;
            every fourth of them is kept back for the check.
        gate: What the file may differ by; ``gate.FLOAT`` or ``gate.INT8``
            if None.
        trust_remote_code: Run what the config of a named model asks for.

    Raises:
        UserError: If the model cannot be exported so, or its file does not
            pass; names the tasks and what differs.
    """
    if size is not None and min(size) < 1:
        raise UserError(f'size {size[0]}x{size[1]}: give sides of 1 or more')
    if format == 'onnx':
        check_onnx()
    if int8 and (format != 'onnx' or images is None):
        raise UserError(
            f'int8 with format {format} and images {images}: give onnx, and '
            'pictures like those that the model will see, to calibrate with'
        )
    named = None if images is None else collect_pictures(images)
    if weights is not None and names_weights(weights):
        weights = find_weights(weights, trust_remote_code=trust_remote_code)
    inferencer = MultiTaskInferencer(
        config, weights, device='cpu', cfg_options=cfg_options,
        trust_remote_code=trust_remote_code,
    )  # fmt: skip
    checked_on = pictures = _read_pictures(inferencer, named)
    calibration: list[np.ndarray] = []
    if int8:
        checked_on, calibration = _divide(pictures)
    sizes = sample_sizes(inferencer, samples) if samples else []
    fixed = size or (sizes or [pictures[0].shape[:2]])[0]
    shapes = _shapes(inferencer, format, fixed, size is None, sizes)
    save, shape = _build(inferencer, format, fixed, shapes)
    metadata = describe(inferencer.model, shape, _hash(inferencer))
    if int8:
        metadata['precision'] = 'int8'
        save = quantised(save, fit(calibration, shape))
    pictures = fit(checked_on, shape)
    with new_file(out) as partial:
        save(partial, metadata)
        opened = open_file(format, partial)
        gate = gate or (gates.INT8 if int8 else gates.FLOAT)
        checked = check(
            inferencer, opened, pictures, samples, gate,
            together=shape.batch is None,
        )  # fmt: skip
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
    *,
    together: bool,
) -> dict[str, Any]:
    """Compare a file with its model.

    Args:
        inferencer: The model.
        opened: The file.
        pictures: BGR arrays of sizes that the file takes.
        samples: Samples of the test data whose metrics are compared.
        gate: What may differ.
        together: Compare two pictures that are run at a time, too.

    Returns:
        What was found.

    Raises:
        UserError: If too much differs.
    """
    differences = gates.compare_maps(
        [inferencer(picture) for picture in pictures],
        [maps for picture in pictures for maps in opened([picture])],
        gate,
    )
    figures = compare_metrics(inferencer, opened, samples) if samples else {}
    said = gates.failures(differences, figures, gate)
    if together:
        pair = [pictures[0], pictures[0][:, ::-1].copy()]
        wanted = [inferencer(picture) for picture in pair]
        found = gates.compare_maps(wanted, opened(pair), gate)
        said += [
            f'two pictures at a time: {text}'
            for text in gates.failures(found, {}, gate)
        ]
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
    described: dict[str, Any] = dict(
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
    for task, row in described['tasks'].items():
        if not math.isnan(void := void_of(task)):
            row['void'] = void
    return json.loads(json.dumps(described))  # tuples become lists


def fit(pictures: Sequence[np.ndarray], shape: Shape) -> list[np.ndarray]:
    """Resize pictures to what a file takes; of any size, to two sizes."""
    if shape.size is not None:
        return [_resized(picture, shape.size) for picture in pictures]
    found = []
    if len(pictures) == 1:
        pictures = [*pictures, *pictures]
    for index, picture in enumerate(pictures):
        # Every second one at half its size: another number of pixels.
        sides = [side // (1 + index % 2) for side in picture.shape[:2]]
        height, width = (max(side // STEP, LEAST) * STEP for side in sides)
        found.append(_resized(picture, (height, width)))
    return found


def _divide(
    pictures: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Part those that int8 is checked on from those it is calibrated with."""
    if len(pictures) < 2:
        raise UserError(
            'int8 with one picture: give two or more, for the check is made '
            'on others than those of the calibration'
        )
    rest = [p for index, p in enumerate(pictures) if index % 4]
    return list(pictures[::4]), rest


def _shapes(
    inferencer: MultiTaskInferencer,
    format: Format,
    fixed: Size,
    any_size: bool,
    sizes: Sequence[Size],
) -> list[Shape]:
    """List what a file may take, the most first.

    Args:
        inferencer: The model.
        format: Of the file; a trace of TorchScript holds every number as a
            constant.
        fixed: The size, if it is to be one.
        any_size: Whether the file may take others.
        sizes: Those that it has to take.

    Raises:
        UserError: If no file takes them all.
    """
    model = inferencer.model
    shapes = [Shape(fixed, 1)]
    if format != 'torchscript' and takes_any_number(model):
        shapes.insert(0, Shape(fixed, None))
        any_size = any_size and takes_any_size(model)
        if any_size and treats_all_alike(
            inferencer.pipeline, model.data_preprocessor
        ):
            shapes.insert(0, Shape(None, None))
    fitting = [s for s in shapes if all(s.takes(size) for size in sizes)]
    if not fitting:
        found = ', '.join(f'{height}x{width}' for height, width in sizes)
        raise UserError(
            f'the samples are pictures of {found} (height x width), and the '
            f'file takes {fixed[0]}x{fixed[1]} only: give their size where '
            'they have one, else --samples 0'
        )
    return fitting


def _build(
    inferencer: MultiTaskInferencer,
    format: Format,
    fixed: Size,
    shapes: Sequence[Shape],
) -> tuple[Save, Shape]:
    """Trace for as many sizes and numbers of pictures as the model allows."""
    model = inferencer.model
    steps = measure_steps(inferencer.pipeline, model.data_preprocessor, fixed)
    refusal: Exception | None = None
    for shape in shapes:
        exportable = make_exportable(model, steps)
        try:
            program = None
            if format != 'torchscript':
                program = trace(exportable, shape)
            return build(format, exportable, program, shape), _say(shape)
        except Exception as error:  # PyTorch's are of many classes
            refusal = error
    reason = (str(refusal).strip() or type(refusal).__name__).splitlines()[0]
    raise UserError(
        f'PyTorch cannot trace {type(model.decode_head).__name__} on '
        f'{type(model.backbone).__name__}: {reason}'
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
    inferencer: MultiTaskInferencer, named: Sequence[Picture] | None
) -> list[np.ndarray]:
    """Return BGR arrays to compare on."""
    if named is None:
        rooms = [render_room(seed, *_DEFAULT_SIZE) for seed in (0, 1)]
        return [room.image[..., ::-1].copy() for room in rooms]
    return [inferencer.pipeline(picture)['image'] for picture in named]


def _resized(picture: np.ndarray, size: Size) -> np.ndarray:
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def _hash(inferencer: MultiTaskInferencer) -> str | None:
    path = inferencer.model.weights_file
    return file_hash(path) if path else None
