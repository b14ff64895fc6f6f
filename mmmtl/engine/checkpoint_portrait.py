"""Says what a checkpoint looks like, for the reader of an error."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor

SHOWN = 4  # names listed at most


def portrait(
    checkpoint: Mapping[str, Any], state: Mapping[str, Tensor]
) -> str:
    """Say in a sentence or two what a checkpoint looks like."""
    parts = Counter(name.split('.')[0] for name in state)
    listing = ', '.join(f'{k} ({n})' for k, n in parts.most_common(SHOWN))
    text = f'The file holds {len(state)} tensors: {listing}.'
    if 'pytorch-lightning_version' in checkpoint:
        text += (
            ' It looks like a Lightning checkpoint of the authors: convert '
            'it with tools/model_converters/authors2mmmtl.py.'
        )
    meta = checkpoint.get('meta')
    config = meta.get('cfg') if isinstance(meta, Mapping) else None
    names = _model_types(config) if isinstance(config, str) else []
    if names:
        text += f' Its config names {" and ".join(names)}.'
    return text


def _model_types(config: str) -> list[str]:
    """Return the types of model and head in a config, without running it."""
    try:
        statements = ast.parse(config).body
    except (SyntaxError, ValueError):
        return []
    for statement in statements:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == 'model'
            for target in statement.targets
        ):
            model = _arguments(statement.value)
            head = _arguments(model.get('decode_head'))
            types = [model.get('type'), head.get('type')]
            return [
                str(found.value)
                for found in types
                if isinstance(found, ast.Constant)
            ]
    return []


def _arguments(call: ast.expr | None) -> dict[str | None, ast.expr]:
    if not isinstance(call, ast.Call):
        return {}
    return {keyword.arg: keyword.value for keyword in call.keywords}


def first_few(names: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return the first few names and the number of the others."""
    listed = [str(name) for name in names]
    more = [f'and {len(listed) - SHOWN} more'] if len(listed) > SHOWN else []
    return ', '.join(listed[:SHOWN] + more)
