"""Where the files of Taskonomy and its relatives lie.

A file is known by its building, its view (``point_P_view_V``) and its domain;
the publishers arrange the three in different ways.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.errors import DatasetError
from mmmtl.io.arrays import READ_ERRORS, read_array, unreadable

#: Path of a domain's file by arrangement. ``{domain}`` is the folder,
#: ``{name}`` the domain as file names spell it, ``{component}`` the data set
#: within a collection. ``omnidata``: the official download tool;
#: ``multimae``: the same without the component; ``building`` and
#: ``building_domain``: one folder per building; ``archives``: each archive
#: unpacked into a folder of its own name; ``taskgrouping``: without domain
#: in the names; ``flat``: one folder, as a single annotated scene comes.
LAYOUTS: Mapping[str, str] = {
    'omnidata': '{domain}/{component}/{building}/{view}_domain_{name}.png',
    'multimae': '{domain}/{building}/{view}_domain_{name}.png',
    'building': '{building}/{domain}/{view}_domain_{name}.png',
    'building_domain': '{building}_{domain}/{view}_domain_{name}.png',
    'archives': '{building}_{domain}/{domain}/{view}_domain_{name}.png',
    'taskgrouping': '{domain}/{building}/{view}.png',
    'flat': '{view}_domain_{name}.png',
}
#: Layouts whose ids are views without a building.
_WITHOUT_BUILDING = ('flat',)
_VIEW = re.compile(r'point_\w+_view_\w+')


class ViewId(str):
    """A sample id, ``building/view``, that patterns can take apart."""

    __slots__ = ()

    @property
    def building(self) -> str:
        """What comes before the slash; empty if there is none."""
        return self.rpartition('/')[0]

    @property
    def view(self) -> str:
        """What comes after the slash."""
        return self.rpartition('/')[2]


def check_id(sample_id: str, layout: str, source: object) -> ViewId:
    """Return an id, unless the layout has no file names for it.

    Args:
        sample_id: A line of a list of samples.
        layout: Key of ``LAYOUTS``.
        source: Where it was read, for the error text.

    Returns:
        The id.

    Raises:
        DatasetError: If the building is missing or superfluous, or the view
            is not ``point_P_view_V``.
    """
    found = ViewId(sample_id)
    flat = layout in _WITHOUT_BUILDING
    wanted = 'point_P_view_V' if flat else 'building/point_P_view_V'
    named = layout == 'taskgrouping' or _VIEW.fullmatch(found.view)
    if found.count('/') != (not flat) or not named:
        raise DatasetError(
            f'split file {source} names {sample_id!r}: layout {layout!r} '
            f'needs lines such as {wanted}'
        )
    return found


def pattern(
    layout: str, component: str, domain: str, name: str | None = None
) -> str:
    """Return the pattern of a domain's files, to be filled by a ``ViewId``.

    Args:
        layout: Key of ``LAYOUTS``.
        component: Name of the data set within a collection.
        domain: Folder of the domain.
        name: The domain in file names, if it differs from the folder.

    Returns:
        Path below the data folder with ``{0.building}`` and ``{0.view}``.
    """
    return LAYOUTS[layout].format(
        domain=domain,
        component=component,
        building='{0.building}',
        view='{0.view}',
        name=name or domain,
    )


def read_with_holes(
    path: str | Path, *, own: str, holes: str
) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture and, of the same view, the one that knows the holes.

    Args:
        path: File of the picture.
        own: Pattern of its domain.
        holes: Pattern of the other domain.

    Returns:
        Both arrays.
    """
    picture = read_array(path)
    other = sibling(path, own, holes)
    try:
        return picture, read_array(other)
    except FileNotFoundError:
        raise
    except READ_ERRORS as error:
        what = f'{other}, which says where {path} has holes,'
        raise unreadable(what, error) from error


def sibling(path: str | Path, own: str, other: str) -> Path:
    """Return the file of another domain for the same view.

    Args:
        path: A file.
        own: Pattern of its domain.
        other: Pattern of the other domain.
    """
    path = Path(path)
    depth = own.count('/') + 1
    found: Any = _matcher(own).fullmatch('/'.join(path.parts[-depth:]))
    groups = {'building': '', **found.groupdict()}
    view = ViewId(f'{groups["building"]}/{groups["view"]}')
    return path.parents[depth - 1] / other.format(view)


@functools.lru_cache
def _matcher(own: str) -> re.Pattern[str]:
    text = re.escape(own)
    for name in ('building', 'view'):
        text = text.replace(
            re.escape(f'{{0.{name}}}'), f'(?P<{name}>[^/]+)', 1
        )
    return re.compile(text)
