"""The renderer stands on numpy alone, so that its processes start quickly."""

from __future__ import annotations

import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    code = f'import sys; {statement}; print(*sys.modules)'
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_renderer_needs_neither_torch_nor_data_sets() -> None:
    found = loaded_by('import mmmtl.rooms, mmmtl.rooms.produce')
    assert 'numpy' in found
    assert not {'torch', 'mmengine', 'mmseg', 'scipy', 'cv2'} & found
    ours = {name for name in found if name.startswith('mmmtl.')}
    rooms = {'rooms', 'geometry', 'io', 'errors', 'version'}
    assert {name.split('.')[1] for name in ours} <= rooms


def test_neither_do_the_folders_it_writes() -> None:
    found = loaded_by('import mmmtl.datasets.room_layouts')
    assert not {'torch', 'mmengine', 'mmseg', 'scipy'} & found
