"""Loads a config file and the options of the command line, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmmtl.engine.config_checks import check_top_level
from mmmtl.engine.config_paths import top_level
from mmmtl.engine.option_checks import check_options
from mmmtl.engine.user_errors import UserError


def load_config(
    path: str | Path, options: dict[str, Any] | None = None
) -> Config:
    """Read a config, merge options into it and refuse keys nobody reads.

    Args:
        path: A ``.py`` config.
        options: Values by dotted path, as ``--cfg-options`` gives them.

    Returns:
        The config.

    Raises:
        UserError: The file is missing or fails to load, or a key is a
            typing error; the text names it.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'config {path}: no such file{_neighbours(path)}')
    try:
        config = Config.fromfile(str(path))
    except Exception as error:
        raise UserError(
            f'config {path} does not load: {type(error).__name__}: {error}'
        ) from error
    check_top_level(top_level(config))
    if options:
        check_options(top_level(config), options)
        try:
            config.merge_from_dict(options)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f'--cfg-options: {error}') from error
    return config


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f' (there is no folder {path.parent} either)'
    names = sorted(file.name for file in path.parent.glob('*.py'))
    return f'; {path.parent} has: {", ".join(names)}' if names else ''
