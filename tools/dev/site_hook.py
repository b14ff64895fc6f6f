"""What `make docs` does beside mkdocs: called by it, see ``mkdocs.yml``.

The files of the repository are written for readers of the repository, where
they lie. The site has three things more:

* pages of files outside of ``docs/`` (:data:`PAGES`) and of the notebooks;
* links out of ``docs/``: to one of these pages, or else to a copy of the file
  below ``source/``. A folder has no page: only the text of its link is left;
* equations as MathML, which browsers draw without a script; and no roles of
  Sphinx, which docstrings have for readers of the code.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Files outside of docs/ that are pages, and where.
PAGES = {
    'CONTRIBUTING.md': 'contributing.md',
    'CHANGELOG.md': 'changelog.md',
    'mmmtl/zoo/rooms-lite0/README.md': 'models/rooms-lite0.md',
    **{
        f'configs/{method}/README.md': f'methods/{method}.md'
        for method in ('baselines', 'demt', 'mqtransformer', 'mult', 'sca')
    },
}
_SOURCES = {site: source for source, site in PAGES.items()}
_LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)')
# What is left of :func:`~mmmtl.apis.predict`.
_ROLE = re.compile(r':\w+:\s*<code>(~)?([\w.]+)</code>')
_MATH = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.S)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that do not lie in ``docs/``."""
    from mkdocs.structure.files import File

    for source, site in PAGES.items():
        text = (ROOT / source).read_text('utf-8')
        files.append(File.generated(config, site, content=text))
    for path in sorted((ROOT / 'docs/notebooks').glob('*.ipynb')):
        text = notebook_page(path.name, json.loads(path.read_text('utf-8')))
        site = f'notebooks/{path.stem}.md'
        files.append(File.generated(config, site, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links of the repository into links of the site."""
    from mkdocs.structure.files import File

    text, copied = translate_links(markdown, page.file.src_uri)
    for site, source in copied.items():
        if files.get_file_from_path(site) is None:
            path = str(ROOT / source)
            files.append(File.generated(config, site, abs_src_path=path))
    return text


def on_page_content(content: str, **_: Any) -> str:
    """Turn TeX into MathML, and roles into names."""
    from latex2mathml.converter import convert

    def element(found: re.Match[str]) -> str:
        display = 'inline' if found[1] == 'span' else 'block'
        # Between \( and \), or \[ and \].
        tex = html.unescape(found[2].strip())[2:-2]
        return convert(tex, display=display)

    def name(found: re.Match[str]) -> str:
        text = found[2].rpartition('.')[2] if found[1] else found[2]
        return f'<code>{text}</code>'

    return _ROLE.sub(name, _MATH.sub(element, content))


def translate_links(markdown: str, page: str) -> tuple[str, Mapping[str, str]]:
    """Turn links of the repository into links of the site.

    Args:
        markdown: Text of a page.
        page: Where it lies in the site.

    Returns:
        The text, and the files to copy: path in the site by path in the
        repository.
    """
    copied: dict[str, str] = {}

    def link(found: re.Match[str]) -> str:
        image, text, target, anchor = found.groups()
        if '://' in target or target.startswith('mailto:'):
            return found[0]
        folder = posixpath.dirname(_SOURCES.get(page, f'docs/{page}'))
        path = posixpath.normpath(posixpath.join(folder, target))
        if path in PAGES:
            site = PAGES[path]
        elif path.startswith('docs/') and (ROOT / path).is_file():
            site = path.removeprefix('docs/').replace('.ipynb', '.md')
        elif (ROOT / path).is_file():
            site = f'source/{path}.txt'
            copied[site] = path
        elif (ROOT / path).is_dir():
            return text
        else:
            return found[0]  # mkdocs says that it leads nowhere
        start = posixpath.dirname(page) or '.'
        return (
            f'{image}[{text}]({posixpath.relpath(site, start)}{anchor or ""})'
        )

    return _LINK.sub(link, markdown), copied


def notebook_page(name: str, notebook: Mapping[str, Any]) -> str:
    """Return a notebook's text and code as a page.

    Args:
        name: Name of its file.
        notebook: What the file holds.
    """
    parts = []
    for cell in notebook['cells']:
        text = ''.join(cell['source'])
        if cell['cell_type'] == 'code':
            text = f'```python\n{text}\n```'
        parts.append(text)
    title, *rest = parts
    where = f'This page is the notebook `docs/notebooks/{name}`.'
    return '\n\n'.join([title, where, *rest]) + '\n'
