"""Writes ``docs/model_zoo.md`` from the metafiles of the methods.

    python tools/dev/model_zoo.py

A test says when the page is older than they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/model_zoo.md'
#: What metafiles call a figure, and the column.
COLUMNS = {
    'Semantic segmentation mIoU': 'mIoU',
    'Human parts mIoU': 'parts mIoU',
    'Saliency maxF': 'maxF',
    'Depth RMSE (m)': 'RMSE (m)',
    'Normals mean error (degrees)': 'mErr (°)',
    'Boundary odsF': 'odsF',
}
LENGTHS = {'Iterations': 'steps', 'Epochs': 'epochs'}
HEAD = """\
# Model zoo

Every config that has a name: `mmmtl train NAME` trains it, and
`mmmtl models demt nyud` lists those with these words. Parameters are those of
the whole model; training is steps or epochs x images per step. Results are
**published by the authors of the methods** and were not reproduced here; no
weights of these models exist yet. `rooms-lite0`, which has weights,
[has a card](../mmmtl/zoo/rooms-lite0/README.md).

Written by `python tools/dev/model_zoo.py` from the `metafile.yml` of each
method, which mim reads, too.
"""


def zoo_page() -> str:
    """Return the text of the page."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text('utf-8'))
    parts = [HEAD]
    for name in index['Import']:
        content = yaml.safe_load((ROOT / name).read_text('utf-8'))
        parts += _method(content['Collections'][0], content['Models'])
    return '\n'.join(parts)


def _method(
    collection: Mapping[str, Any], models: Sequence[Mapping[str, Any]]
) -> list[str]:
    paper, readme = collection['Paper'], collection['README']
    lines = [
        f'## {collection["Name"]}\n',
        f'[{paper["Title"]}]({paper["URL"]}); [its page](../{readme}).\n',
    ]
    sets: dict[str, list[Mapping[str, Any]]] = {}
    for model in models:
        sets.setdefault(_words(model['Metadata']['Training Data']), []).append(
            model
        )
    for data, rows in sets.items():
        lines += [f'**{data}**\n', *_table(rows), '']
    return lines


def _table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    results = [_results(model) for model in models]
    metrics = list(dict.fromkeys(name for row in results for name in row))
    columns = [COLUMNS[name] for name in metrics]
    heads = ['config', 'parameters', 'training', *columns]
    lines = [
        '| ' + ' | '.join(heads) + ' |',
        '|---|---:|---|' + '---:|' * len(metrics),
    ]
    for model, row in zip(models, results, strict=True):
        data = model['Metadata']
        length = next(
            f'{data[key]:,} {word}'
            for key, word in LENGTHS.items()
            if key in data
        )
        cells = [
            f'[{model["Name"]}](../{model["Config"]})',
            f'{data["Parameters"] / 1e6:.3f} M',
            f'{length} x {data["Batch Size"]}',
            *(str(row.get(name, '')) for name in metrics),
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines


def _results(model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for result in model.get('Results') or ()
        for name, value in result['Metrics'].items()
    }


def _words(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ', '.join(value)


if __name__ == '__main__':
    PAGE.write_text(zoo_page(), 'utf-8')
    print(f'written to {PAGE}')
