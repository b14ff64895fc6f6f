"""The commands of the first pages are run as they stand there."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmmtl.rooms import render_room
from tests.test_packaging.test_commands import blocks, commands

pytestmark = pytest.mark.slow

# Two steps in the place of 600.
SHORT = shlex.split(
    '--cfg-options train_cfg.max_iters=2 train_cfg.val_interval=2 '
    'default_hooks.checkpoint.interval=2 train_dataloader.batch_size=2 '
    'train_dataloader.num_workers=0 val_dataloader.num_workers=0 '
    'train_dataloader.persistent_workers=False '
    'val_dataloader.persistent_workers=False'
)


def test_first_page(
    mmmtl: Callable,
    repo_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'demo').mkdir()
    picture = (repo_root / 'demo' / 'room.png').read_bytes()
    (tmp_path / 'demo' / 'room.png').write_bytes(picture)
    monkeypatch.chdir(tmp_path)
    run = [w for w in commands('docs/index.md') if w[0] == 'mmmtl']
    assert [words[1] for words in run] == ['models', 'predict']
    for words in run:
        result = mmmtl(*words[1:])
        assert result.code == 0, result.err
    assert (tmp_path / 'out' / 'room.png').is_file()
    (block,) = blocks('docs/index.md', 'python')
    found: dict[str, Any] = {}
    exec(block, found)
    assert found['maps']['normals'].shape == (
        *found['maps']['depth'].shape,
        3,
    )


def test_own_data(
    mmmtl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    render_bridges(tmp_path / 'data' / 'bridges')
    done = []
    for words in commands('docs/own_data.md'):
        if words[0] == 'sed':
            path = Path(words[-1])
            _, old, new, _ = words[2].split('#')
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
        if words[0] != 'mmmtl':
            continue
        short = SHORT if words[1] == 'train' else []
        result = mmmtl(*(w.replace('_600', '_2') for w in words[1:]), *short)
        assert result.code == 0, result.err
        done.append(words[1])
    steps = ['init', 'check', 'train', 'report', 'predict', 'test']
    assert done == steps
    for page in ('report.html', 'out.html'):
        assert (tmp_path / page).is_file()
    text = (tmp_path / 'metrics.json').read_text()
    assert '"cracks/IoU"' in text
    assert '"depth/rmse"' in text
    assert len(list((tmp_path / 'out').rglob('*.npy'))) == 24


def render_bridges(folder: Path) -> None:
    """Photographs, masks, depth in millimetres."""
    for part in ('photos', 'masks', 'depth'):
        (folder / part).mkdir(parents=True)
    for number in range(12):
        room = render_room(number, 64, 96)
        millimetres = np.nan_to_num(1000 * room.depth).astype(np.uint16)
        for part, values in (
            ('photos', room.image),
            ('masks', room.edge * np.uint8(255)),
            ('depth', millimetres),
        ):
            path = folder / part / f'{number:03}.png'
            Image.fromarray(values).save(path)
