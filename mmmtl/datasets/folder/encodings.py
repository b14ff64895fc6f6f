"""What a config may say about stored values, and how it is undone.

A decoder turns what a file holds into the map of a task's kind. What needs
no word is left to the kind (:meth:`mmmtl.tasks.Kind.read`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageOps

from mmmtl.errors import ValueRangeError, did_you_mean
from mmmtl.io.arrays import open_picture
from mmmtl.tasks import Kind, Task
from mmmtl.tasks.kinds import Binary, Normals
from mmmtl.tasks.kinds.classes import LAST_ID
from mmmtl.tasks.kinds.normals import AXES
from mmmtl.tasks.kinds.stored import colour_codes

Decoder = Callable[[Any], np.ndarray]

#: Axes of normals in our frame.
OUR_AXES = 'right down forward'

_SHARED = ('path', 'missing', 'fit', 'no_label')
_VALUES = ('scale', 'offset')
# What a setting may be, and how to say so.
_FORMS: dict[str, tuple[Any, str]] = {
    'path': (str, "a pattern such as 'masks/{}.png'"),
    'first_id': (Integral, 'a whole number'),
    'scale': (Real, 'a number'),
    'offset': (Real, 'a number'),
    'inverse': (bool, 'True or False'),
    'axes': (str, "text such as 'left up towards'"),
    'ids': (list | tuple, 'a list with the value of each class'),
    'colours': (list | tuple, 'a list with the colour of each class'),
    'outside': (Integral | str, 'the name or the id of a class'),
}
# That many wrong values are named.
_SHOWN = 5


def check_settings(task: Task, row: Mapping[str, Any]) -> None:
    """Refuse what a label of this kind cannot be told.

    Args:
        task: Whose label it is.
        row: Its entry of ``labels``.

    Raises:
        ValueError: If the kind has no such setting, one is of a wrong form,
            or ``path`` is missing.
    """
    known = (*_SHARED, *_own_settings(task.kind, 'polygons' in row))
    for name in row:
        if name not in known:
            raise ValueError(
                f'labels[{task.name!r}]: a label of kind {task.kind_name!r} '
                f'has no setting {name!r}: {did_you_mean(name, known)}'
            )
    if 'path' not in row:
        raise ValueError(
            f'labels[{task.name!r}] has no path: give the files, such as '
            "'masks/{}.png'"
        )
    tables = [name for name in ('first_id', 'ids', 'colours') if name in row]
    if len(tables) > 1:
        raise ValueError(f'labels[{task.name!r}] has {tables}: give one')
    for name, value in row.items():
        words = _misfit(task.kind, row, name, value)
        if words:
            raise ValueError(
                f'labels[{task.name!r}]: {name}={value!r}, give {words}'
            )


def _misfit(
    kind: Kind, row: Mapping[str, Any], name: str, value: Any
) -> str | None:
    """Return what a setting must be, if it is something else."""
    form, words = _FORMS.get(name, (object, ''))
    if not isinstance(value, form):
        return words
    if name not in ('ids', 'colours', 'names', 'no_label'):
        return None
    if name == 'names' or (name == 'no_label' and 'polygons' in row):
        form, words, entries = str, 'names of shapes', as_tuple(value)
    elif 'colours' in row or isinstance(kind, Normals):
        listed = value if name == 'colours' else [value]
        entries = [colour for entry in listed for colour in _colours(entry)]
        words = 'three numbers, or a list of such triples'
        if any(len(colour) != 3 for colour in entries):
            return words
        form, entries = Real, [v for colour in entries for v in colour]
    else:
        listed = value if name == 'ids' else [value]
        entries = [v for entry in listed for v in as_tuple(entry)]
        form, words = Real, 'numbers, as the files hold them'
    return None if all(isinstance(v, form) for v in entries) else words


def _own_settings(kind: Kind, outlines: bool) -> tuple[str, ...]:
    if kind.has_classes:
        stored = ('outside',) if outlines else ('first_id', 'ids', 'colours')
        return ('polygons', *stored)
    if isinstance(kind, Binary):
        stored = ('names',) if outlines else ('ids', 'colours')
        return ('polygons', *stored)
    if isinstance(kind, Normals):
        return ('axes', *_VALUES)
    return (*_VALUES, 'inverse')


def make_decoder(
    task: Task, row: Mapping[str, Any], num_classes: int | None
) -> Decoder:
    """Return the decoder of a label that is stored as a map.

    Args:
        task: Whose label it is.
        row: Its entry of ``labels``, checked.
        num_classes: Length of the task's list of classes.

    Raises:
        ValueError: If a table has not one entry per class or names a value
            twice, or the axes are none.
    """
    kind, no_label = task.kind, row.get('no_label', ())
    absent = as_tuple(no_label)
    if 'ids' in row or 'colours' in row:
        return _make_table(task, row, num_classes or 2)
    if 'first_id' in row:
        return partial(
            decode_shifted,
            first_id=row['first_id'],
            no_label=absent,
            void=int(kind.no_label),
        )
    scale, offset = row.get('scale'), row.get('offset')
    if isinstance(kind, Normals):
        return partial(
            decode_normals,
            kind=kind,
            axes=parse_axes(task.name, row.get('axes', OUR_AXES)),
            scale=scale,
            offset=offset,
            no_label=_colours(no_label),
        )
    return partial(
        decode_values,
        kind=kind,
        scale=scale,
        offset=offset,
        inverse=row.get('inverse', False),
        no_label=absent,
    )


def decode_values(
    stored: np.ndarray,
    *,
    kind: Kind,
    scale: float | None,
    offset: float | None,
    inverse: bool,
    no_label: tuple[float, ...],
) -> np.ndarray:
    """Undo a scale, or leave plain values as they are.

    Convention:
        The value is ``stored scale + offset``, or with ``inverse`` one over
        that; infinity is "no label" then.

    Args:
        stored: ``(H, W)``, or three channels that are alike; ``(H, W, C)``
            of a kind with several components.
        kind: What the map says.
        scale: Unit per stored step; None is 1.
        offset: Value of a stored 0; None is 0.
        inverse: Whether one over the value is stored.
        no_label: Stored values that mean "no label".

    Returns:
        ``(H, W)`` as the kind has it.
    """
    stored = one_channel(stored) if kind.components == 1 else stored
    absent = np.isin(stored, no_label)
    values = np.where(absent, stored.dtype.type(0), stored)
    if scale is not None or offset is not None or inverse:
        # A stored half cannot hold 70 times 1000.
        values = values.astype(np.float64) * (1 if scale is None else scale)
        values += 0 if offset is None else offset
        if inverse:
            with np.errstate(divide='ignore'):
                values = 1 / values
        values[absent] = 0
    label = kind.read(values)
    label[absent.all(-1) if kind.components > 1 else absent] = kind.no_label
    return label


def decode_shifted(
    stored: np.ndarray,
    *,
    first_id: int,
    no_label: tuple[float, ...],
    void: int,
) -> np.ndarray:
    """Turn ids that do not start with 0 into ids that do.

    Args:
        stored: ``(H, W)`` whole numbers, or three channels that are alike.
        first_id: Stored value of class 0.
        no_label: Stored values that mean "no label".
        void: What they become.

    Returns:
        ``(H, W)`` uint8.
    """
    stored = _whole(one_channel(stored))
    absent = np.isin(stored, no_label)
    ids = stored.astype(np.int64) - first_id
    wrong = stored[~absent & ((ids < 0) | (ids > LAST_ID))]
    if wrong.size:
        raise ValueRangeError(
            f'holds {_some(wrong)}: classes are stored as {first_id} and '
            'more; say with no_label which values are none'
        )
    return np.where(absent, void, ids).astype(np.uint8)


def decode_table(
    stored: np.ndarray,
    *,
    classes: Mapping[int, int],
    colours: bool,
) -> np.ndarray:
    """Look stored ids or colours up in a table.

    Args:
        stored: ``(H, W)`` whole numbers, or ``(H, W, 3)`` bytes.
        classes: Class by stored id or colour, red * 65536 + green * 256 +
            blue; 255 is "no label".
        colours: Whether colours are stored.

    Returns:
        ``(H, W)`` uint8, 255 without a label.
    """
    codes = colour_codes(stored) if colours else _whole(one_channel(stored))
    values, places = np.unique(codes, return_inverse=True)
    unknown = [v for v in values.tolist() if v not in classes]
    if unknown:
        shown = [_colour(v) for v in unknown] if colours else unknown
        raise ValueRangeError(
            f'holds {", ".join(map(str, shown[:_SHOWN]))}, which the table '
            'does not have: add it, or say with no_label that it is none'
        )
    found = np.array([classes[v] for v in values.tolist()], np.uint8)
    return found[places].reshape(codes.shape)


def decode_normals(
    stored: np.ndarray,
    *,
    kind: Normals,
    axes: tuple[tuple[int, int], ...],
    scale: float | None,
    offset: float | None,
    no_label: tuple[tuple[int, ...], ...],
) -> np.ndarray:
    """Turn normals into our frame.

    Args:
        stored: ``(H, W, 3)``; bytes are 2 v / 255 - 1 unless a scale is
            given.
        kind: What the map says.
        axes: Component and sign in our frame, of every stored channel.
        scale: Length per stored step.
        offset: Value of a stored 0.
        no_label: Stored triples that mean "no label".

    Returns:
        ``(H, W, 3)`` float32.
    """
    values = stored
    if scale is not None or offset is not None:
        values = stored.astype(np.float64) * (1 if scale is None else scale)
        values += 0 if offset is None else offset
    vectors = kind.read(values)
    label = np.empty_like(vectors)
    for channel, (component, sign) in enumerate(axes):
        label[..., component] = sign * vectors[..., channel]
    for triple in no_label:
        label[(stored == np.array(triple)).all(-1)] = kind.no_label
    return label


def parse_axes(task: str, text: str) -> tuple[tuple[int, int], ...]:
    """Return component and sign in our frame of every stored channel.

    Args:
        task: The task, for the error text.
        text: Where the three channels point, such as ``'left up towards'``.

    Raises:
        ValueError: If that names no frame.
    """
    words = text.split()
    axes = tuple(AXES[word] for word in words if word in AXES)
    if len(words) != 3 or sorted(axis for axis, _ in axes) != [0, 1, 2]:
        raise ValueError(
            f'labels[{task!r}]: axes={text!r}, say where the three channels '
            "point: 'right' or 'left', 'down' or 'up', 'forward' or "
            "'towards' (the camera), such as 'left up towards'"
        )
    return axes


def read_colours(path: str | Path) -> np.ndarray:
    """Read a picture as red, green, blue; one with a palette too.

    Args:
        path: Any picture that Pillow knows.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    with open_picture(path) as picture:
        ImageOps.exif_transpose(picture, in_place=True)
        return np.asarray(picture.convert('RGB'))


def one_channel(stored: np.ndarray) -> np.ndarray:
    """Return a grey picture that was saved in colour as one channel.

    Args:
        stored: What a file holds; anything else stays as it is.
    """
    grey = (
        stored.ndim == 3
        and stored.shape[2] == 3
        and (stored == stored[..., :1]).all()
    )
    return stored[..., 0] if grey else stored


def _make_table(
    task: Task, row: Mapping[str, Any], num_classes: int
) -> Decoder:
    colours = 'colours' in row
    entries = row['colours' if colours else 'ids']
    if len(entries) != num_classes:
        raise ValueError(
            f'labels[{task.name!r}] has a table of {len(entries)} entries '
            f'for {num_classes} classes: give one per class, a list where '
            'several values are one class'
        )
    listed = [_colours(e) if colours else as_tuple(e) for e in entries]
    absent = row.get('no_label', ())
    listed.append(_colours(absent) if colours else as_tuple(absent))
    classes: dict[Any, int] = {}
    for index, values in enumerate(listed):
        for value in values:
            code = _code(value) if colours else value
            if code in classes:
                raise ValueError(
                    f'labels[{task.name!r}] names {value} twice: give one '
                    'class, or no_label'
                )
            last = index == num_classes
            classes[code] = int(task.kind.no_label) if last else index
    return partial(decode_table, classes=classes, colours=colours)


def as_tuple(values: Any) -> tuple:
    """Return one value or a list of them as a tuple."""
    one = isinstance(values, str) or not isinstance(values, Sequence)
    return (values,) if one else tuple(values)


def _colours(values: Any) -> tuple[tuple[int, ...], ...]:
    """Return a triple or a list of them as a tuple of triples."""
    values = as_tuple(values)
    if values and not isinstance(values[0], Sequence):
        values = (values * 3 if len(values) == 1 else values,)
    return tuple(tuple(value) for value in values)


def _code(colour: Sequence[int]) -> int:
    red, green, blue = colour
    return red * 65536 + green * 256 + blue


def _colour(code: int) -> tuple[int, int, int]:
    return code // 65536, code // 256 % 256, code % 256


def _whole(stored: np.ndarray) -> np.ndarray:
    if stored.ndim != 2 or stored.dtype.kind not in 'iub':
        raise ValueError(
            f'holds {stored.dtype} {stored.shape}: write class ids as (H, W) '
            'whole numbers'
        )
    return stored


def _some(values: np.ndarray) -> str:
    return ', '.join(map(str, np.unique(values)[:_SHOWN].tolist()))
