"""The page of a run's weights and gradient conflicts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.test_engine.test_hooks.test_loss_weighting_hook import run


def test_a_run_has_all_four_pictures(
    run_tool: Callable, tmp_path: Path
) -> None:
    """Logged by a real run: no name of a scalar is written down here."""
    hooks = dict(
        logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False)
    )
    run(
        tmp_path / 'work',
        2,
        'UPGrad',
        'DWA',
        log_processor=dict(by_epoch=False),
        custom_hooks=[hooks['logger']],
    )
    page = tmp_path / 'page.html'
    done = run_tool(
        'analysis_tools/plot_balancing.py', tmp_path / 'work', '--out', page
    )
    assert done.code == 0, done.err
    text = page.read_text()
    pictures = dict(re.findall(r'alt="(\w+)" src="data:\S+?,(.+?)"', text))
    assert list(pictures) == ['loss', 'weight', 'norm', 'cosine']
    shown = base64.b64decode(pictures['cosine']).decode()
    assert 'semseg and depth' in shown
    assert 'normals and edge' in shown
    assert 'http' not in text


def test_without_losses_of_tasks_it_says_so(
    run_tool: Callable, tmp_path: Path
) -> None:
    log = tmp_path / 'scalars.json'
    log.write_text(json.dumps({'loss': 1.0, 'step': 1}) + '\n')
    done = run_tool('analysis_tools/plot_balancing.py', log)
    assert done.code == 2
    assert 'holds no losses of tasks' in done.err
    done = run_tool('analysis_tools/plot_balancing.py', tmp_path)
    assert done.code == 2
    assert 'name the work folder' in done.err
