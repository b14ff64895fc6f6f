"""Says where in the config an error of a registry comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mmmtl.engine.config_paths import walk_dicts
from mmmtl.errors import did_you_mean

UNKNOWN_TYPE = re.compile(
    r"^[\"']?(?P<type>[\w.]+) is not in the (?P<scope>\w+)::"
    r'(?P<registry>[\w ]+) registry'
)
UNKNOWN_ARGUMENT = re.compile(
    r'(?P<owner>\w+)\.__init__\(\) got an unexpected keyword argument '
    r"'(?P<name>\w+)'"
)
MISSING_ARGUMENT = re.compile(
    r'(?P<owner>\w+)\.__init__\(\) missing \d+ required '
    r'(?:positional |keyword-only )?arguments?: (?P<names>.+)$'
)


def explain_config_error(
    error: Exception, config: Mapping[str, Any] | None
) -> str | None:
    """Translate a registry's KeyError or TypeError into one line.

    Args:
        error: What was raised while something was built.
        config: The config it was built from.

    Returns:
        A line that names the place in the config and what is accepted; None
        if the error is not about the config.
    """
    if config is None:
        return None
    if isinstance(error, KeyError):
        return _explain_type(error, config)
    if isinstance(error, TypeError):
        return _explain_unknown(error, config) or _explain_missing(
            error, config
        )
    return None


def _explain_type(error: KeyError, config: Mapping[str, Any]) -> str | None:
    # Imported late: an error before the registries exist needs none of this.
    from mmmtl.engine.registered_types import known_types

    found = UNKNOWN_TYPE.search(str(error.args[0] if error.args else error))
    if found is None:
        return None
    name = found['type']
    places = [
        f'{path}.type' if path else 'type'
        for path, node in walk_dicts(config)
        if node.get('type') == name
    ]
    known = known_types(found['registry'])
    close = did_you_mean(name, known)
    # A registry knows hundreds of names; the near ones are the answer.
    hint = (
        close.split('? (')[0] + '?'
        if 'did you mean' in close
        else (f'no {found["registry"]} type of a similar name is registered')
    )
    return f'config: {_where(places)}: no type {name!r}; {hint}'


def _explain_unknown(
    error: TypeError, config: Mapping[str, Any]
) -> str | None:
    found = UNKNOWN_ARGUMENT.search(str(error))
    if found is None:
        return None
    owner, name = found['owner'], found['name']
    candidates = [
        (path, node) for path, node in walk_dicts(config) if name in node
    ]
    # Prefer the dict of that very type: another may use the same word.
    exact = [c for c in candidates if _stands_for(c[1].get('type'), owner)]
    chosen = exact or candidates
    places = [f'{path}.{name}' if path else name for path, _ in chosen]
    accepted = _accepted(chosen[0][1].get('type') if chosen else None, owner)
    hint = f'; {did_you_mean(name, accepted)}' if accepted else ''
    return f'config: {_where(places)}: {owner} takes no {name!r}{hint}'


def _explain_missing(
    error: TypeError, config: Mapping[str, Any]
) -> str | None:
    found = MISSING_ARGUMENT.search(str(error))
    if found is None:
        return None
    owner = found['owner']
    places = [
        path
        for path, node in walk_dicts(config)
        if _stands_for(node.get('type'), owner)
    ]
    if not places:
        return None
    return f'config: {_where(places)}: {owner} also needs {found["names"]}'


def _stands_for(type_name: Any, owner: str) -> bool:
    if isinstance(type_name, str):
        return type_name.rpartition('.')[2] == owner
    return getattr(type_name, '__name__', None) == owner


def _accepted(type_name: Any, owner: str) -> set[str]:
    from mmmtl.engine.registered_types import accepted_arguments, find_type

    entry = find_type(type_name or owner)
    return (accepted_arguments(entry) or set()) if entry else set()


def _where(places: list[str]) -> str:
    return ' or '.join(places[:3]) if places else 'somewhere'
