"""A folder of predictions that says which run it comes from.

``predict.json`` holds what decides the results: weights, config, options. It
is written before a run's first page, so what is older comes from another
run. The size of the batch is not in it: it may move values near the padding
of a batch a little, and a run that ended for lack of memory goes on with a
smaller one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mmmtl.apis.pictures import Picture
from mmmtl.engine.checkpoint import file_hash
from mmmtl.errors import UserError
from mmmtl.io.json_file import write_json
from mmmtl.io.plain_files import read_json
from mmmtl.version import __version__

RECORD = 'predict.json'


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
class RunRecord:
    """The record of a run in its output folder.

    Attributes:
        folder: The output folder.
        run: From :func:`describe_run`.
        pictures: All pictures of the run.
    """

    folder: Path
    run: Mapping[str, Any]
    pictures: Sequence[Picture]

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / RECORD

    @property
    def sources(self) -> dict[str, str]:
        """Where each name comes from; an array has no lasting name."""
        sources = {}
        for picture in self.pictures:
            if picture.url is not None:
                sources[picture.name] = picture.url
            elif picture.path is not None:
                sources[picture.name] = str(picture.path.resolve())
        return sources

    def write(self) -> None:
        """Write it anew: what lies in the folder is no longer of this run."""
        write_json(self.path, {'run': self.run, 'pictures': self.sources})

    def resume(self, files: Callable[[str], Iterable[Path]]) -> set[str]:
        """Return the names of the pictures that are done.

        Args:
            files: From the name of a picture to all files it gets.

        Raises:
            UserError: The folder's record is that of another run.
        """
        if not self.path.exists():
            self.write()
            return set()
        try:
            known = read_json(self.path)
            run, sources = known['run'], known['pictures']
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(
                f'resume: {self.path} cannot be read ({error}): remove it, '
                'and all pages are written again'
            ) from error
        self._refuse_others(run, sources)
        start = self.path.stat()
        if any(name not in sources for name in self.sources):
            everything = {**sources, **self.sources}
            write_json(self.path, {'run': run, 'pictures': everything})
            # The pages of the run are still younger than its record.
            os.utime(self.path, ns=(start.st_atime_ns, start.st_mtime_ns))
        return {
            name
            for name in self.sources
            if name in sources
            and all(_is_done(path, start.st_mtime_ns) for path in files(name))
        }

    def _refuse_others(
        self, run: Mapping[str, Any], sources: Mapping[str, str]
    ) -> None:
        pairs = [
            *((key, run.get(key), self.run[key]) for key in self.run),
            *(
                (f'picture {name}', sources[name], path)
                for name, path in self.sources.items()
                if name in sources
            ),
        ]
        different = [
            f'{key} was {_short(old)}, is {_short(new)}'
            for key, old, new in pairs
            if old != new
        ]
        if different:
            raise UserError(
                f'resume: {self.folder} comes from another run: '
                f'{"; ".join(different[:5])}. Name another folder, or leave '
                'resume out, and all pages are written again'
            )


def _is_done(path: Path, start: int) -> bool:
    return path.is_file() and path.stat().st_mtime_ns >= start


def _short(value: Any) -> str:
    is_hash = isinstance(value, str) and len(value) == 64
    return f'{value[:12]}...' if is_hash else json.dumps(value)
