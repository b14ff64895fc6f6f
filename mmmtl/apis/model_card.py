"""The card of a saved model, as the Hugging Face hub reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from mmmtl.engine.config import walk_dicts
from mmmtl.engine.config_tasks import data_sets, necks_of
from mmmtl.engine.plain_config import literal_config
from mmmtl.engine.results import read_results
from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.zoo import ready_configs

#: By this line a later save knows that it may write the card again.
GENERATED = '<!-- Written by mmmtl. Remove this line to keep your changes. -->'
_UNSAID = 'not stated'


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card says that no model knows.

    Attributes:
        results: What ``mmmtl test --out`` has written for these weights:
            figures, protocol and data are taken from it.
        data: The training data, in words; those of the config if None.
        data_licence: Licence or terms of the training data.
        licence: Licence of the weights, as the hub spells it
            (``apache-2.0``).
    """

    results: str | Path | None = None
    data: str | None = None
    data_licence: str | None = None
    licence: str | None = None

    @cached_property
    def measured(self) -> Mapping[str, Any]:
        """Content of the results file, empty if there is none."""
        return {} if self.results is None else read_results(self.results)

    @cached_property
    def tested(self) -> Mapping[str, Any]:
        """The config that the figures were measured with."""
        text = (self.measured.get('config') or {}).get('text')
        return literal_config(text, str(self.results)) if text else {}

    def check_weights(self, sha256: str | None) -> None:
        """Refuse figures of other weights.

        Args:
            sha256: Of the weights that are saved, None if not known.

        Raises:
            UserError: They are.
        """
        found = (self.measured.get('checkpoint') or {}).get('sha256')
        if found and sha256 and found != sha256:
            raise UserError(
                f'results {self.results} are of weights with the SHA-256 '
                f'{found[:12]}..., the model has {sha256[:12]}...: measure '
                'these weights with `mmmtl test --out`'
            )


def write_card(
    path: Path,
    model: nn.Module,
    content: Mapping[str, Any],
    facts: CardFacts,
    *,
    half: bool,
) -> None:
    """Write the card of a model.

    Args:
        path: The file.
        model: With ``cfg``.
        content: Its ``config.json``.
        facts: What else is known.
        half: Its kernels are in half precision.
    """
    tasks, name = content['tasks'], path.absolute().parent.name
    front = yaml.safe_dump(front_matter(tasks, facts), sort_keys=False)
    rows = {
        'network': _network(model, content, half=half),
        'preprocessing': _preprocessing(content),
        'training data': facts.data or _data(model.cfg),
        'licence of the data': facts.data_licence,
        'licence of the weights': facts.licence,
    }
    lines = [
        f'---\n{front}---\n\n{GENERATED}\n\n# {name}\n',
        f'From one image: {", ".join(tasks)}.\n',
        '```python\nimport mmmtl\n',
        f"model = mmmtl.from_pretrained('{name}')  # a folder, or hf-hub:...",
        "maps = model('photo.jpg')  # a map per task, in real units\n```\n",
        '| | |\n|---|---|',
        *(f'| {key} | {value or _UNSAID} |' for key, value in rows.items()),
        '\n## Tasks\n\n| task | kind | unit | classes |\n|---|---|---|---|',
        *(_task_line(task, row) for task, row in tasks.items()),
        '',
        *figures(facts, half=half),
    ]
    with new_file(path) as partial:
        partial.write_text('\n'.join(lines), encoding='utf-8')


def front_matter(
    tasks: Mapping[str, Mapping[str, Any]], facts: CardFacts
) -> dict[str, Any]:
    """Return what the hub reads, to be written as YAML.

    Args:
        tasks: The table of tasks.
        facts: What else is known.
    """
    kinds = {row['kind'] for row in tasks.values()}
    is_depth = 'depth' in kinds and 'classes' not in kinds
    front = dict(
        library_name='mmmtl',
        license=facts.licence,
        pipeline_tag='depth-estimation' if is_depth else 'image-segmentation',
        tags=['multi-task-learning', 'dense-prediction', *tasks],
    )
    return {key: value for key, value in front.items() if value is not None}


def figures(facts: CardFacts, *, half: bool) -> Iterator[str]:
    """Yield the lines on what was measured, and how.

    Args:
        facts: With the results.
        half: The kernels were halved after the measurement.
    """
    yield '## Figures\n'
    if not facts.measured:
        yield 'None were measured when this was saved.\n'
        return
    yield '| figure | value |\n|---|---:|'
    for name, value in facts.measured['metrics'].items():
        is_known = value is not None and math.isfinite(value)
        yield f'| {name} | {f"{value:.4g}" if is_known else "none"} |'
    file = (facts.measured.get('config') or {}).get('file', 'CONFIG')
    path = Path(file)
    name = path.stem if path.stem in ready_configs() else path.name
    yield (
        '\nMeasured with `mmmtl test '
        f'{name} model.safetensors --out metrics.json`'
        + (', before the kernels were halved' if half else '')
        + '. Protocol:\n'
    )
    yield from protocol(facts.tested)
    versions = facts.measured.get('versions') or {}
    said = ', '.join(f'{key} {value}' for key, value in versions.items())
    yield f'- versions: {said or _UNSAID}\n'


def protocol(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line per data set and metric of an evaluation.

    Args:
        config: Its config.
    """
    loader = config.get('test_dataloader') or {}
    for node in data_sets(loader.get('dataset') or {}):
        names = [f'{key} {node[key]}' for key in ('split',) if key in node]
        yield f'- data: {", ".join([str(node.get("type")), *names])}'
    if 'model' in config:
        mode = (config['model'].get('test_cfg') or {}).get('mode', 'whole')
        kind = config['model'].get('type')
        yield f'- inference: {mode} image, {kind}'
    for _, node in walk_dicts(config.get('test_evaluator')):
        kind = str(node.get('type', ''))
        if kind.endswith('Metric'):
            rest = ', '.join(
                f'{key}={value!r}'
                for key, value in node.items()
                if key not in ('type', 'per_class')
            )
            yield f'- {kind}({rest})'


def _network(
    model: nn.Module, content: Mapping[str, Any], *, half: bool
) -> str:
    parts = content['config']['model']
    necks = necks_of(content['config'])
    nodes = [parts.get('backbone'), *necks, parts.get('decode_head')]
    names = [str(node['type']) for node in nodes if node]
    count = sum(p.numel() for p in model.parameters()) / 1e6
    precision = 'kernels in half precision' if half else 'float32'
    network = ', '.join(names) or parts['type']
    return f'{network}; {count:.1f} M parameters, {precision}'


def _data(config: Mapping[str, Any]) -> str:
    nodes = data_sets(config.get('train_dataloader') or {})
    kinds = [str(node['type']) for node in nodes if 'type' in node]
    return ', '.join(dict.fromkeys(kinds))


def _preprocessing(content: Mapping[str, Any]) -> str:
    found = content['preprocessing']
    steps = ', '.join(
        f'{step.get("type")}({_size(step)})' for step in found['steps']
    )
    return (
        f'{steps}; {found["channels"]}, mean {found["mean"]}, '
        f'std {found["std"]}'
    )


def _size(step: Mapping[str, Any]) -> str:
    size = step.get('scale') or step.get('size') or ''
    size = size.get('__tuple__') if isinstance(size, Mapping) else size
    return 'x'.join(map(str, size)) if isinstance(size, list) else str(size)


def _task_line(task: str, row: Mapping[str, Any]) -> str:
    names = row['classes'] or ()
    shown = ', '.join(map(str, names)) or '-'
    return f'| {task} | {row["kind"]} | {row["unit"]} | {shown} |'
