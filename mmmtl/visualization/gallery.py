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
        self._count = 0

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
        self._count += 1

    def stop(self) -> bool:
        """Say on the page that pictures are missing.

        Returns:
            Whether there is any picture.
        """
        self._file.write(
            f'<li id="stopped">The run was stopped after {self._count} '
            'picture(s): the others are not here.</li>\n'
        )
        return self._count > 0


@contextmanager
def new_gallery(
    path: str | Path, *, title: str = 'Predictions'
) -> Iterator[Gallery]:
    """Write a page that shows pictures, with their values, in any browser.

    The file holds everything: it may be mailed, and needs no network. It is
    there when the last picture is. What an error or Ctrl-C ends early holds
    the pictures so far, and says so; without any, there is no page.

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
    stopped: BaseException | None = None
    # Names of files need not be text: what is none becomes a question mark.
    with (
        new_file(path) as partial,
        partial.open('w', encoding='utf-8', errors='replace') as file,
    ):
        file.write(before)
        gallery = Gallery(file)
        try:
            yield gallery
        except BaseException as error:
            if not gallery.stop():
                raise
            stopped = error
        file.write(after)
    if stopped is not None:
        raise stopped
