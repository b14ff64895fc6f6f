"""Features of a frozen backbone, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmmtl.errors import UserError
from mmmtl.io.folders import locked


class FeatureCache:
    """Knows an image by its pixels, as the network gets them.

    So whatever the pipeline does belongs to the key, and an image that is
    flipped is a view of its own. Views are expected to come back: with random
    crops or colours none does, and more of them than there is room for is an
    error.

    Levels lie in one memory-mapped file each, ``level00.npy`` and so on, and
    the hash of the view in their row ``i`` in line ``i`` of ``views.txt``.
    """

    def __init__(
        self, folder: Path, *, capacity: int, dtype: str = 'float32'
    ) -> None:
        """Take up what is in a folder; nothing is written yet.

        Args:
            folder: Of one backbone with its weights (:func:`key_of`).
            capacity: Number of views.
            dtype: ``'float32'`` keeps every bit, ``'float16'`` takes half
                of the room.

        Raises:
            UserError: Another run is writing there.
        """
        self.folder = folder
        self.capacity = capacity
        self.dtype = np.dtype(dtype)
        self._open_files = ExitStack()
        self._open_files.enter_context(
            locked(folder / '.lock', f'feature cache {folder}')
        )
        self._index = self._open_files.enter_context(
            (folder / 'views.txt').open('a+')
        )
        self._index.seek(0)
        text = self._index.read()
        # A full disk may have cut the last line: its row is made again, and
        # the next line must not be joined to it.
        whole = text[: text.rfind('\n') + 1]
        self._index.truncate(len(whole))
        self.rows = {line: i for i, line in enumerate(whole.split())}
        self._levels: list[np.memmap] = []

    def __call__(
        self, backbone: nn.Module, inputs: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the backbone's levels, computing those of new views.

        Args:
            backbone: Frozen.
            inputs: ``(B, 3, H, W)``, of one size in all calls.
        """
        views = [_digest(image) for image in inputs]
        for index, view in enumerate(views):
            if view not in self.rows:
                # Alone: libraries choose their kernels by the batch size, so
                # in a batch the last bits would depend on the others in it.
                self._add(view, backbone(inputs[index : index + 1]))
        if not self._levels:
            self._open(None)
        rows = [self.rows[view] for view in views]
        return tuple(
            torch.from_numpy(level[rows]).to(inputs) for level in self._levels
        )

    def close(self) -> None:
        """Let another run use the folder."""
        self._open_files.close()
        self._levels = []

    def _add(self, view: str, levels: Sequence[Tensor]) -> None:
        row = len(self.rows)
        if row == self.capacity:
            raise UserError(
                f'feature cache: more than {self.capacity} different images '
                'came, so the augmentations are not a fixed set. Fix: leave '
                'out random crops, scales and colours, or set views= to the '
                'number of views of an image (2 with a flip)'
            )
        if not self._levels:
            self._open([tuple(level.shape[1:]) for level in levels])
        for stored, level in zip(self._levels, levels, strict=True):
            stored[row] = level[0].float().cpu().numpy()
            stored.flush()
        # Last: a line stands for a row that is complete.
        self._index.write(f'{view}\n')
        self._index.flush()
        self.rows[view] = row

    def _open(self, shapes: Sequence[tuple[int, ...]] | None) -> None:
        """Map the files; make them if shapes are given and they are new."""
        if self.rows or shapes is None:
            paths = sorted(self.folder.glob('level*.npy'))
            self._levels = [np.load(path, mmap_mode='r+') for path in paths]
            return
        self._check_room(shapes)
        for index, shape in enumerate(shapes):
            path = self.folder / f'level{index:02}.npy'
            size = (self.capacity, *shape)
            level = np.lib.format.open_memmap(path, 'w+', self.dtype, size)
            if hasattr(os, 'posix_fallocate'):  # not on macOS
                # Mapped pages without room on a disk that others have filled
                # since would end the process, without a word.
                with path.open('r+b') as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            self._levels.append(level)

    def _check_room(self, shapes: Sequence[tuple[int, ...]]) -> None:
        one = sum(int(np.prod(s)) for s in shapes) * self.dtype.itemsize
        need = one * self.capacity
        free = shutil.disk_usage(self.folder).free
        text = (
            f'feature cache {self.folder}: {self.capacity} views of '
            f'{one / 1e6:.3g} MB need {need / 1e9:.3g} GB, '
            f'{free / 1e9:.3g} GB are free'
        )
        print_log(text, logger='current')
        if need > free:
            raise UserError(
                f"{text}. Fix: another folder, dtype='float16', smaller images"
            )


def key_of(backbone: nn.Module, *settings: object) -> str:
    """Return a hash of a backbone's layers, its weights and more settings."""
    digest = hashlib.sha256(repr((backbone, settings)).encode())
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]


def _digest(image: Tensor) -> str:
    pixels = image.detach().float().cpu().contiguous().numpy()
    return hashlib.blake2b(
        pixels.data, digest_size=16, person=str(pixels.shape[1:]).encode()[:16]
    ).hexdigest()
