"""Links and commands of the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ('*.md', 'docs/*.md', 'configs/*/README.md')
    for page in ROOT.glob(pattern)
)
LINK = re.compile(r'\]\(([^)#\s]*)(?:#([^)\s]+))?\)')
FOLDER = r'(?:mmmtl|tests|tools|configs|requirements|docs|demo)'
# A file or folder named in running text, without a placeholder.
PATH = re.compile(rf'`({FOLDER}/[\w./-]*)`')


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    text = re.sub(r'```.*?```', '', page.read_text(), flags=re.S)
    titles = re.findall(r'^#+ (.+)$', text, re.M)
    return {
        re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
        for title in titles
    }


def test_there_are_documents() -> None:
    assert {'README.md', 'docs/data.md', 'configs/demt/README.md'} <= set(
        PAGES
    )


@pytest.mark.parametrize('page', PAGES)
def test_relative_links_exist(page: str) -> None:
    path = ROOT / page
    absent = []
    for target, anchor in LINK.findall(path.read_text()):
        if '://' in target:
            continue
        found = path.parent / target if target else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            absent.append(f'{target}#{anchor}')
    assert absent == []


@pytest.mark.parametrize('page', PAGES)
def test_paths_in_the_text_exist(page: str) -> None:
    if page == 'CHANGELOG.md':
        pytest.skip('it names what was there at the time')
    named = PATH.findall((ROOT / page).read_text())
    absent = [name for name in named if not (ROOT / name).exists()]
    assert absent == []


@pytest.mark.parametrize('page', PAGES)
def test_commands_name_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(
        r'(?<!test_)(?:tools|configs|demo)/[\w./-]+\.(?:py|sh)', text
    )
    written = re.findall(r'> (\S+)', text)  # by an earlier command
    absent = [name for name in named if not (ROOT / name).is_file()]
    assert set(absent) <= set(written)


@pytest.mark.parametrize('page', PAGES)
def test_no_placeholder_is_left(page: str) -> None:
    text = (ROOT / page).read_text()
    assert (
        re.findall(r'\b(?:TODO|TBD|XXX|[A-Z]+_TABLE|TABLE_[A-Z]+)\b', text)
        == []
    )
