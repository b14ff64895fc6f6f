"""Walks over the nested dicts and lists of a config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config


def walk_dicts(
    node: Any, path: str = ''
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every dict of a config with its dotted path.

    Args:
        node: A config, or any value in one.
        path: Where ``node`` stands; empty for the config itself.

    Yields:
        ``('model.backbone', {...})``; list items are ``pipeline.0``. This is
        how ``--cfg-options`` spells them, too.
    """
    node = top_level(node)
    if isinstance(node, Mapping):
        yield path, node
        items = list(node.items())
    elif isinstance(node, (list, tuple)):
        items = list(enumerate(node))
    else:
        return
    for key, value in items:
        yield from walk_dicts(value, f'{path}.{key}' if path else str(key))


def top_level(config: Any) -> Any:
    """Return a config as the dict it behaves like; anything else unchanged.

    A ``Config`` is no Mapping, only the dicts inside it are.
    """
    return dict(config.items()) if isinstance(config, Config) else config
