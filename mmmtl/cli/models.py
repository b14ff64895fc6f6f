"""``mmmtl models``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

_HEADINGS = ('name', 'tasks', 'data', 'parameters', 'weights')


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    tasks: str
    data: str
    parameters: str
    weights: str


def models(*words: str) -> None:
    """List the models and configs that come with the package.

    Models with weights, for `mmmtl predict`, come first; the others are names
    for `mmmtl train`.

    Args:
        words: Show names with all of these words only, for instance `demt
            nyud`.
    """
    from mmmtl.errors import UserError
    from mmmtl.io.workers import progress
    from mmmtl.zoo import listed_models, ready_configs, shipped_models

    def is_wanted(name: str) -> bool:
        return all(word.lower() in name.lower() for word in words)

    shipped = {n: m for n, m in shipped_models().items() if is_wanted(n)}
    ready = {n: p for n, p in ready_configs().items() if is_wanted(n)}
    if not shipped and not ready:
        raise UserError(
            f'no model has {" and ".join(words)} in its name: leave the '
            'words out to see all'
        )
    rows = []
    with progress('reading configs', len(shipped) + len(ready)) as advance:
        listed = listed_models()
        for name, model in shipped.items():
            size = str(stored_parameters(model.weights))
            rows.append(row_of(name, model.config, size, 'in the package'))
            advance()
        for name, path in ready.items():
            entry = listed.get(name, {})
            size = entry.get('Metadata', {}).get('Parameters', '')
            weights = entry.get('Weights', 'none')
            rows.append(row_of(name, path, str(size), weights))
            advance()
    for line in table(rows):
        print(line)


def row_of(name: str, config_file: Path, size: str, weights: str) -> Row:
    """Return the line of a model.

    Args:
        name: Its name.
        config_file: A ``.py`` config, or a ``config.json``.
        size: Number of parameters.
        weights: Where they are.
    """
    from mmengine.config import Config

    from mmmtl.engine.config_tasks import data_sets
    from mmmtl.engine.plain_config import read_json_config

    is_data = config_file.suffix == '.json'
    config = (
        Config(read_json_config(config_file))
        if is_data
        else Config.fromfile(str(config_file))
    )
    nodes = list(data_sets(config.get('train_dataloader') or {}))
    tasks = config.get('tasks') or config.model.decode_head.get('tasks') or {}
    tasks = tasks or (t for node in nodes for t in node.get('tasks') or ())
    roots = dict.fromkeys(node.get('data_root') or '' for node in nodes)
    return Row(name, joined(tasks), joined(roots), size, weights)


def joined(parts: Iterable[str]) -> str:
    """Return words as one, without repeating any; ``-`` if there is none."""
    return ','.join(dict.fromkeys(filter(None, parts))) or '-'


def stored_parameters(weights: Path) -> int:
    """Return the number of values in a ``.safetensors`` file.

    Without the running statistics of norms, which are not learned.
    """
    import json
    from math import prod

    with weights.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        header = json.loads(file.read(length))
    return sum(
        prod(tensor['shape'])
        for name, tensor in header.items()
        if name != '__metadata__'
        and '.running_' not in name
        and '.num_batches' not in name
    )


def table(rows: Sequence[Row]) -> list[str]:
    """Return lines with aligned columns, two spaces between them."""
    cells = [_HEADINGS, *(tuple(v or '-' for v in astuple(r)) for r in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        '  '.join(
            text.rjust(width) if text.isdigit() else text.ljust(width)
            for text, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]
