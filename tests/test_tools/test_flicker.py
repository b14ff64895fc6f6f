"""flicker.py: what it measures on clips and on a video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

TOOL = 'analysis_tools/flicker.py'
SHORT = ('--frames', '3', '--strengths', '0', '0.7')


def test_clips(tmp_path: Path, run_tool: Callable) -> None:
    out = tmp_path / 'flicker.json'
    small = ('--clips', '1', '--size', '64', '96', '--out', out)
    ended = run_tool(TOOL, 'rooms-lite0', *SHORT, *small)
    assert ended.code == 0, ended.err
    assert '| depth | warp error (%) |' in ended.out
    found = json.loads(out.read_text())
    assert list(found) == ['moving', 'still']
    for result in found.values():
        columns = result['figures']
        assert list(columns) == ['labels', '0.0', '0.7']
        assert columns['labels']['depth']['rmse (m)'] == 0
        for task, name in (
            ('depth', 'warp error (%)'),
            ('normals', 'warp error (degrees)'),
            ('reshading', 'warp error'),
        ):
            plain = columns['0.0'][task][name]
            assert columns['labels'][task][name] < plain / 2
            assert columns['0.7'][task][name] < 0.7 * plain
    still = found['still']['figures']['labels']
    assert still['depth']['warp error (%)'] == 0
    assert still['semseg']['warp error (%)'] == 0


def test_a_video(tmp_path: Path, run_tool: Callable) -> None:
    film = tmp_path / 'film.mp4'
    codec = cv2.VideoWriter_fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(film), codec, 24, (96, 64))
    for shift in range(4):
        row = 127 + 120 * np.sin((np.arange(96) + shift) / 5)
        frame = np.broadcast_to(row[:, None], (64, 96, 3)).astype(np.uint8)
        writer.write(np.ascontiguousarray(frame))
    writer.release()
    ended = run_tool(TOOL, 'rooms-lite0', *SHORT, '--video', film)
    assert ended.code == 0, ended.err
    [line] = [x for x in ended.out.splitlines() if x.startswith('| depth')]
    plain, steady = (float(x) for x in line.split('|')[3:5])
    assert 0 < steady < plain
    ended = run_tool(TOOL, 'rooms-lite0', *SHORT, '--video', tmp_path / 'no')
    assert ended.code == 2
    assert 'No such file' in ended.err
