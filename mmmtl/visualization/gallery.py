"""One page for all pictures of a run, written picture by picture."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from mmmtl.io.folders import new_file
from mmmtl.visualization.html_page import json_block, make_page
from mmmtl.visualization.picture_record import picture_record, thumbnail


class Gallery:
    """What pictures are added to; :func:`new_gallery` makes one."""

    def __init__(self, file: TextIO) -> None:
        """Remember the page that is being written."""
        self._file = file

    def add(
        self,
        name: str,
        image: np.ndarray,
        maps: Mapping[str, np.ndarray],
        *,
        dataset_meta: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a picture with its maps; nothing of it is kept.

        Args:
            name: What the picture is called.
            image: ``(H, W, 3)`` uint8 BGR.
            maps: Per task ``(H, W)`` or ``(H, W, C)``, in the task's unit.
            dataset_meta: Class lists and palettes of the tasks.
        """
        said = html.escape(name)
        record = picture_record(name, image, maps, dataset_meta)
        self._file.write(
            f'<li><button type="button"><img alt="" src="{thumbnail(image)}">'
            f'<span>{said}</span></button>{json_block("record", record)}'
            '</li>\n'
        )


@contextmanager
def new_gallery(
    path: str | Path, *, title: str = 'Predictions'
) -> Iterator[Gallery]:
    """Write a page that shows pictures, with their values, in any browser.

    The file holds everything: it may be mailed, and needs no network. It is
    there when the last picture is; an error leaves none.

    Args:
        path: The file, ``.html``.
        title: What stands above.

    Yields:
        What pictures are added to.

    Examples:
        >>> with new_gallery('out.html') as gallery:
        ...     gallery.add('room', image, {'depth': depth})
    """
    before, after = make_page(
        'gallery.html', title=title, scripts=['viewer.js', 'gallery.js']
    )
    # Names of files need not be text: what is none becomes a question mark.
    with (
        new_file(path) as partial,
        partial.open('w', encoding='utf-8', errors='replace') as file,
    ):
        file.write(before)
        yield Gallery(file)
        file.write(after)
