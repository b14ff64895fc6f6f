"""What a release shows of itself agrees."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmmtl.version import __version__

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / '.github/ISSUE_TEMPLATE').glob('[0-9]*.yml'))


def test_version_to_cite_is_that_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text('utf-8'))
    assert str(citation['version']) == __version__


def test_papers_to_cite_are_those_of_the_methods() -> None:
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text('utf-8'))
    named = {
        re.search(r'title=\{(.*)\}', page.read_text('utf-8'))[1]
        for page in ROOT.glob('configs/*/README.md')
        if '```bibtex' in page.read_text('utf-8')
    }
    assert len(named) == 4
    assert {item['title'] for item in citation['references']} == named


def test_log_of_changes_names_the_version() -> None:
    heads = re.findall(r'^## (.*)$', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert heads[0].startswith(('[Unreleased]', f'[{__version__}]'))


@pytest.mark.parametrize('path', TEMPLATES, ids=lambda path: path.stem)
def test_templates_have_what_a_form_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert {'name', 'description', 'body'} <= form.keys()
    ids = [part['id'] for part in form['body']]
    assert len(set(ids)) == len(ids)
    for part in form['body']:
        assert part['attributes']['label']


def test_form_asks_for_versions_by_a_command_that_works() -> None:
    text = (ROOT / '.github/ISSUE_TEMPLATE/1-bug.yml').read_text()
    (code,) = re.findall(r'python -c "(.*)"', text)
    printed = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "'torch'" in printed
