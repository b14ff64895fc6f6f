"""Commands and configs of the documents are what the programs take.

Those of ``docs/index.md`` and ``docs/own_data.md`` are run, too, by
``tests/test_cli/test_pages.py``; all others need data sets, hours or several
machines.
"""

from __future__ import annotations

import ast
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from mmmtl.cli.app import make_app
from mmmtl.engine.config import load_config, parse_options
from mmmtl.zoo import ready_configs, shipped_models

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for pattern in ('*.md', 'docs/*.md', 'configs/*/README.md')
    for page in ROOT.glob(pattern)
)
# Programs of others. What stands before a program is a variable's value.
FOREIGN = {
    *('pip', 'source', 'sed', 'export', 'mim', 'torchrun', 'sha256sum'),
    *('.ci/run', '.venv/bin/python'),
}
VARIABLE = re.compile(r'[A-Z_]+=')
OPTION = re.compile(r'\[?(--[a-z][a-z0-9-]*)')
# A name of a config, no file and no placeholder.
NAME = re.compile(r'[a-z0-9]+(_[a-z0-9-]+){1,3}$|rooms-lite0$')


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language, also inside of notes."""
    text = (ROOT / page).read_text('utf-8')
    pattern = rf'^ *```{language}\n(.*?)^ *```$'
    return re.findall(pattern, text, re.S | re.M)


def commands(page: str) -> Iterator[list[str]]:
    """The words of each command, from the program on."""
    for block in blocks(page, 'bash'):
        if '"import' in block:  # a program within a command
            continue
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line.split(' > ')[0], comments=True)
            while words and VARIABLE.match(words[0]):
                words = words[1:]
            if words:
                yield words


@cache
def options_of_command(name: str) -> frozenset[str]:
    arguments = make_app()[name].assemble_argument_collection()
    return frozenset(
        ['--traceback', *(name for one in arguments for name in one.names)]
    )


@cache
def options_of_tool(tool: str, sub: str | None) -> frozenset[str]:
    """What ``--help`` names, of a subcommand if the tool has some."""
    out, argv = sys.stdout, sys.argv
    sys.stdout = StringIO()
    sys.argv = [tool, *([sub] if sub else []), '--help']
    try:
        runpy.run_path(str(ROOT / tool), run_name='__main__')
    except SystemExit:
        text = sys.stdout.getvalue()
    finally:
        sys.stdout, sys.argv = out, argv
    return frozenset(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]*', text))


@cache
def words_of_the_code() -> frozenset[str]:
    """All words: a key that a config lacks may still be an argument."""
    files = [*ROOT.glob('mmmtl/**/*.py'), *ROOT.glob('configs/**/*.py')]
    text = '\n'.join(path.read_text('utf-8') for path in files)
    return frozenset(re.findall(r'\w+', text))


def known_options(words: list[str]) -> frozenset[str] | None:
    """What a command takes; None for a program that is not ours."""
    program, *rest = words
    if program in FOREIGN:
        return None
    if program == 'mmmtl':
        return options_of_command(rest[0])
    if program == 'make':
        targets = re.findall(r'^(\S+):', (ROOT / 'Makefile').read_text(), re.M)
        assert set(rest) <= set(targets), words
        return frozenset()
    assert program in ('python', 'bash'), f'{words}: not known to this test'
    tool = rest[0]
    if tool == '-m':
        return None
    if tool.endswith('.sh'):
        name = Path(tool).stem.partition('_')[2]  # dist_train, slurm_test
        return options_of_tool(f'tools/{name}.py', None)
    has_parts = tool.endswith('/benchmark.py')
    return options_of_tool(tool, rest[1] if has_parts else None)


@pytest.mark.parametrize('page', PAGES)
def test_programs_take_the_options(page: str) -> None:
    wrong = []
    for words in commands(page):
        known = known_options(words)
        if known is None:
            continue
        named = {m[1] for word in words if (m := OPTION.match(word))}
        wrong += [f'{words[:3]}: {name}' for name in sorted(named - known)]
    assert wrong == []


@pytest.mark.parametrize('page', PAGES)
def test_names_of_configs_and_keys_exist(page: str) -> None:
    named = {**ready_configs(), **dict.fromkeys(shipped_models())}
    for words in commands(page):
        if words[0] == 'mmmtl' and words[1] in ('train', 'test', 'predict'):
            config = words[2]
        elif words[0] in ('python', 'bash'):
            config = next((w for w in words if w.startswith('configs/')), '')
        else:
            continue
        if NAME.match(config) and config != 'my_config':
            assert config in named, words
        if '--cfg-options' not in words:
            continue
        path = ROOT / config if config.startswith('configs/') else None
        path = path or named.get(config)
        changes = words[words.index('--cfg-options') + 1 :]
        changes = [w for w in changes if re.match(r'[a-z_.0-9A-Z]+=', w)]
        keys = {k for w in changes for k in w.partition('=')[0].split('.')}
        assert keys <= words_of_the_code(), words
        if path and path.is_file():
            load_config(path, parse_options(changes))


@pytest.mark.parametrize('page', PAGES)
def test_configs_in_the_text_can_be_loaded(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, 'python')):
        if "_base_ = ['configs/" in block:
            path = tmp_path / f'config{number}.py'
            path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
            load_config(path)
        elif '...' not in block:
            ast.parse(block)


def test_the_parsers_are_really_asked() -> None:
    assert '--total-batch' in options_of_tool('tools/train.py', None)
    assert '--total-batch' in options_of_command('train')
    assert '--total-batch' not in options_of_command('test')
    assert '--shape' in options_of_tool(
        'tools/analysis_tools/benchmark.py', 'model'
    )
    assert sum(len(list(commands(page))) for page in PAGES) > 100
