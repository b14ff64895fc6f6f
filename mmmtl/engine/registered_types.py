"""What the registered classes accept, for error texts and checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mmengine.registry import Registry

import mmmtl.registry


def find_type(name: str | Callable) -> Callable | None:
    """Return what a ``type`` in a config stands for.

    Args:
        name: The value of ``type``; a class stands for itself.

    Returns:
        The class or function of the first registry that knows the name,
        None if none does.
    """
    if not isinstance(name, str):
        return name
    for registry in _registries():
        found = registry.get(name)
        if found is not None:
            return found
    return None


def known_types(registry_name: str) -> set[str]:
    """Return the type names that the registry of a name and its parents know.

    Args:
        registry_name: mmengine's name of the registry: ``model``, ``hook``.
    """
    names: set[str] = set()
    for registry in _registries():
        if registry.name != registry_name:
            continue
        registry.import_from_location()
        level: Registry | None = registry
        while level is not None:
            names.update(level.module_dict)
            level = level.parent
    return names


def accepted_arguments(entry: Callable) -> set[str] | None:
    """Return the argument names of a class or function.

    Args:
        entry: A registered class or function.

    Returns:
        The names; None if it takes any (``**kwargs``) or does not say.
    """
    try:
        parameters = inspect.signature(entry).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name for p in parameters if p.name != 'self'}


def _registries() -> list[Registry]:
    """Return our registries; the models first, most types are looked up there.

    Every look-up imports the modules of its registry.
    """
    ours = [
        value
        for value in vars(mmmtl.registry).values()
        if isinstance(value, Registry) and value.scope == 'mmmtl'
    ]
    return sorted(ours, key=lambda registry: registry.name != 'model')
