"""flicker.py: what it measures on clips and on a video."""

from __future__ import annotations

import json
import runpy
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

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


def test_maps_of_a_long_clip_are_not_kept(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = runpy.run_path(str(repo_root / 'tools' / TOOL))
    model = SimpleNamespace(dataset_meta={}, tasks=['depth'])
    trial = names['Trial'](SimpleNamespace(model=model), [0.0, 0.7])
    kept: list[weakref.ref] = []

    def soft(image: np.ndarray) -> dict[str, torch.Tensor]:
        values = torch.full((1, *image.shape[:2]), len(kept) + 1.0)
        kept.append(weakref.ref(values))
        return {'depth': values}

    def film() -> Iterator[Any]:
        rng = np.random.default_rng(0)
        image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
        flow = np.zeros((48, 64, 2), np.float32)
        for _ in range(6):
            assert sum(values() is not None for values in kept) <= 2
            yield names['Shot'](image, flow, np.ones((48, 64), bool))

    monkeypatch.setattr(trial, '_soft', soft)
    trial.model_ms.append(1.0)
    trial.add(film())
    assert len(kept) == 6
    found = trial.result()['figures']
    plain = found['0.0']['depth']['warp error (%)']
    assert 0 < found['0.7']['depth']['warp error (%)'] < plain


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


def test_one_frame_does_not_flicker(
    tmp_path: Path, run_tool: Callable
) -> None:
    film = tmp_path / 'film.mp4'
    codec = cv2.VideoWriter_fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(film), codec, 24, (96, 64))
    writer.write(np.zeros((64, 96, 3), np.uint8))
    writer.release()
    ended = run_tool(TOOL, 'rooms-lite0', *SHORT, '--video', film)
    assert ended.code == 2
    assert 'one frame only' in ended.err
