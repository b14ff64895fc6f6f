"""A folder of predictions that says which run it comes from.

``predict.json`` holds what decides the results: weights, config, options,
and the file of each picture with its size and date. It is written before a
run's first page, so what is older comes from another run. The size of the
batch is not in it: it may move values near the padding of a batch a little,
and a run that ended for lack of memory goes on with a smaller one.

Processes that share the pictures of a run exchange nothing. The first one
that has a page writes the record. The others find their own settings in a
record that is younger than they are, and leave it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mmmtl.apis.pictures import Picture
from mmmtl.engine.checkpoint import file_hash
from mmmtl.errors import UserError
from mmmtl.io.folders import locked, new_file
from mmmtl.io.plain_files import read_json
from mmmtl.version import __version__

RECORD = 'predict.json'
# Seconds: a younger record of the same settings is that of this very run.
_BEGAN = time.time()
# Others hold the lock for as long as it takes to read and write the record.
_PATIENCE = 60.0


def describe_run(
    model: nn.Module, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what decides the results, as plain values.

    Args:
        model: From :func:`mmmtl.apis.init_model`.
        options: Of the call.
    """
    weights = model.weights_file
    config = json.dumps(model.cfg.to_dict(), sort_keys=True, default=str)
    return {
        'mmmtl': __version__,
        'weights': None if weights is None else file_hash(Path(weights)),
        'config': hashlib.sha256(config.encode()).hexdigest(),
        # As JSON gives them back.
        **json.loads(json.dumps(options)),
    }


@dataclass(frozen=True)
class _Known:
    """What a record says.

    Attributes:
        run: From :func:`describe_run`.
        pictures: By name, what tells whether a picture is still the same.
        since: Nanoseconds; what is older in the folder is of another run.
    """

    run: Mapping[str, Any]
    pictures: Mapping[str, Mapping[str, Any]]
    since: int


class RunRecord:
    """The record of a run in its output folder."""

    def __init__(
        self,
        folder: Path,
        *,
        run: Mapping[str, Any],
        pictures: Sequence[Picture],
        shared: bool,
    ) -> None:
        """Look at the files of the pictures.

        Args:
            folder: The output folder.
            run: From :func:`describe_run`.
            pictures: All pictures of the run, not yet read: what changes
                from now on is noticed.
            shared: Other processes of the run take parts of the pictures.
        """
        self.path = folder / RECORD
        self.run = run
        #: An array has no lasting name.
        self.pictures = {
            picture.name: entry
            for picture in pictures
            if (entry := _entry(picture))
        }
        self._shared = shared
        self._seen: tuple[int, int] | None = None

    def resume(self, files: Callable[[str], Iterable[Path]]) -> set[str]:
        """Return the names of the pictures that are done.

        What is there of a picture whose file has changed is removed.

        Args:
            files: From the name of a picture to all files it gets.

        Raises:
            UserError: The folder's record is that of another run.
        """
        with self._locked():
            known = self._read()
            if known is None:
                self._write(self.pictures)
                return set()
            different = self._differences(known)
            if different:
                raise UserError(
                    f'resume: {self.path.parent} comes from another run: '
                    f'{different}. Name another folder, or leave resume out, '
                    'and all pages are written again'
                )
            same = {
                name
                for name, entry in self.pictures.items()
                if known.pictures.get(name) == entry
            }
            # First what was made of them, then the note that they changed.
            for name in self.pictures.keys() - same:
                for path in files(name):
                    path.unlink(missing_ok=True)
            self._write({**known.pictures, **self.pictures}, known.since)
        return {
            name
            for name in same
            if all(_is_done(path, known.since) for path in files(name))
        }

    def claim(self) -> None:
        """Start it before the first page; before each, see that it stands.

        Raises:
            UserError: Another run has replaced it.
        """
        if self._seen is None:
            self._start()
        elif self._seen != self._stamp():
            known = self._read()
            if known is None:  # removed by hand
                self._write(self.pictures)
            elif different := self._differences(known):
                raise UserError(
                    f'another run writes to {self.path.parent}: {different}. '
                    'Name another folder for one of them'
                )
            self._seen = self._stamp()

    def _start(self) -> None:
        """Write it anew: what lies in the folder is no longer of this run."""
        with self._locked():
            try:
                known = self._read()
            except UserError:
                known = None
            if self._shared and known is not None and self._is_own(known):
                self._seen = self._stamp()
            else:
                self._write(self.pictures)

    def _is_own(self, known: _Known) -> bool:
        """Tell whether another process of this run has written it."""
        return (
            known.since >= _BEGAN * 1e9
            and known.run == self.run
            and known.pictures == self.pictures
        )

    def _locked(self) -> AbstractContextManager[None]:
        lock = self.path.with_name(f'.{RECORD}.lock')
        return locked(lock, self.path.parent, wait=_PATIENCE)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _read(self) -> _Known | None:
        if not self.path.exists():
            return None
        try:
            content = read_json(self.path)
            run = dict(content['run'])
            pictures = {
                name: {**entry, 'source': entry['source']}
                for name, entry in dict(content['pictures']).items()
            }
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(
                f'{self.path} cannot be read ({error}): remove it, and all '
                'pages are written again'
            ) from error
        return _Known(run, pictures, self.path.stat().st_mtime_ns)

    def _write(
        self, pictures: Mapping[str, Any], since: int | None = None
    ) -> None:
        content = {'run': self.run, 'pictures': pictures}
        with new_file(self.path) as partial:
            partial.write_text(json.dumps(content, indent=2) + '\n', 'utf-8')
            if since is not None:
                # The pages of the run are still younger than its record.
                os.utime(partial, ns=(since, since))
        self._seen = self._stamp()

    def _differences(self, known: _Known) -> str:
        """Name what makes it another run; a changed file does not."""
        pairs = [
            *((key, known.run.get(key), self.run[key]) for key in self.run),
            *(
                (
                    f'picture {name}',
                    known.pictures[name]['source'],
                    entry['source'],
                )
                for name, entry in self.pictures.items()
                if name in known.pictures
            ),
        ]
        different = [
            f'{key} was {_short(old)}, is {_short(new)}'
            for key, old, new in pairs
            if old != new
        ]
        return '; '.join(different[:5])


def _entry(picture: Picture) -> dict[str, Any] | None:
    if picture.url is not None:
        return {'source': picture.url}
    if picture.path is None:
        return None
    found = picture.path.stat()
    return {
        'source': str(picture.path.resolve()),
        'size': found.st_size,
        'mtime_ns': found.st_mtime_ns,
    }


def _is_done(path: Path, since: int) -> bool:
    return path.is_file() and path.stat().st_mtime_ns >= since


def _short(value: Any) -> str:
    is_hash = isinstance(value, str) and len(value) == 64
    return f'{value[:12]}...' if is_hash else json.dumps(value)
