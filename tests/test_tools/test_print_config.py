"""The print_config tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config


def test_printed_config_loads_as_the_same_config(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool(
        'misc/print_config.py',
        toy_config,
        '--cfg-options',
        'train_cfg.max_iters=7',
    )
    assert result.code == 0
    printed = Config.fromstring(result.out, '.py').to_dict()
    expected = Config.fromfile(toy_config).to_dict()
    expected['train_cfg']['max_iters'] = 7
    assert printed == expected


def test_option_that_does_not_exist_is_refused(
    run_tool: Callable, toy_config: Path
) -> None:
    result = run_tool(
        'misc/print_config.py', toy_config, '--cfg-options', 'lunch=7'
    )
    assert result.code == 2
    assert result.out == ''
