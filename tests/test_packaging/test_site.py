"""The site of the documents: what the hook and the zoo's page say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tools.dev.model_zoo import PAGE, zoo_page
from tools.dev.site_hook import PAGES, notebook_page, translate_links

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('page', 'link', 'expected'),
    [
        # Pages of the site, wherever their files lie.
        ('a.md', 'data.md#normals', 'data.md#normals'),
        ('a.md', '../configs/demt/README.md#batch', 'methods/demt.md#batch'),
        ('a.md', '../CONTRIBUTING.md', 'contributing.md'),
        ('methods/demt.md', '../mult/README.md', 'mult.md'),
        ('methods/demt.md', '../../docs/data.md', '../data.md'),
        (
            'methods/demt.md',
            '../../docs/images/demo.png',
            '../images/demo.png',
        ),
        ('contributing.md', 'docs/data.md#x', 'data.md#x'),
        ('a.md', 'notebooks/own_folder.ipynb', 'notebooks/own_folder.md'),
        # Left to others.
        ('a.md', 'https://example.org/a.md', 'https://example.org/a.md'),
        ('a.md', 'absent.md', 'absent.md'),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(
    page: str, link: str, expected: str
) -> None:
    text, copied = translate_links(f'see [it]({link}).', page)
    assert text == f'see [it]({expected}).'
    assert copied == {}


def test_files_that_are_no_pages_are_copied() -> None:
    text, copied = translate_links(
        '[x](demt_swin-t_nyud.py)', 'methods/demt.md'
    )
    assert text == '[x](../source/configs/demt/demt_swin-t_nyud.py.txt)'
    (source,) = copied.values()
    assert source == 'configs/demt/demt_swin-t_nyud.py'


def test_folders_have_no_page() -> None:
    assert translate_links('[`x`](tables/rooms)', 'a.md') == ('`x`', {})


def test_every_page_is_in_the_table_of_contents() -> None:
    text = (ROOT / 'mkdocs.yml').read_text('utf-8')
    text = re.sub(r'!!python\S+', '', text)
    named = re.findall(r'[\w/-]+\.md', str(yaml.safe_load(text)['nav']))
    docs = ROOT / 'docs'
    pages = [str(path.relative_to(docs)) for path in docs.rglob('*.md')]
    books = [f'notebooks/{x.stem}.md' for x in docs.rglob('*.ipynb')]
    assert sorted(named) == sorted([*pages, *books, *PAGES.values()])


def test_model_zoo_is_that_of_the_metafiles() -> None:
    assert PAGE.read_text('utf-8') == zoo_page(), (
        'run: python tools/dev/model_zoo.py'
    )
    row = next(x for x in zoo_page().splitlines() if 'demt_swin-t_nyud]' in x)
    assert [cell.strip() for cell in row.split('|')[2:-1]] == [
        *('32.070 M', '40,000 steps x 8'),
        *('46.36', '0.5871', '20.6', '76.9'),
    ]


def test_a_notebook_becomes_a_page() -> None:
    path = ROOT / 'docs/notebooks/own_folder.ipynb'
    notebook = json.loads(path.read_text('utf-8'))
    assert all(not cell.get('outputs') for cell in notebook['cells'])
    page = notebook_page(path.name, notebook)
    assert page.startswith('# A folder of your own\n')
    assert '```python\nimport mmmtl\n\nwork_dir = mmmtl.train(\n' in page
