"""The READMEs' links lead somewhere, and nothing in them is unfinished."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    'README.md',
    'CONTRIBUTING.md',
    *sorted(
        str(page.relative_to(ROOT))
        for page in ROOT.glob('configs/*/README.md')
    ),
)


@pytest.mark.parametrize('page', PAGES)
def test_relative_links_exist(page, repo_root):
    path = repo_root / page
    links = re.findall(r'\]\(([^)#]+)[^)]*\)', path.read_text())
    local = [link for link in links if '://' not in link]
    assert local or page == 'CONTRIBUTING.md'
    absent = [link for link in local if not (path.parent / link).exists()]
    assert absent == []


@pytest.mark.parametrize('page', PAGES)
def test_commands_name_files_that_exist(page, repo_root):
    text = (repo_root / page).read_text()
    named = re.findall(r'(?:tools|configs|demo)/[\w./-]+\.(?:py|sh)', text)
    absent = [name for name in named if not (repo_root / name).is_file()]
    assert absent == []


@pytest.mark.parametrize('page', PAGES)
def test_no_placeholder_is_left(page, repo_root):
    text = (repo_root / page).read_text()
    assert re.findall(r'\b(?:TODO|TBD|XXX|[A-Z]+_TABLE)\b', text) == []
