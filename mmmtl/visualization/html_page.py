"""Pages that need nothing but themselves: no server, no other file.

A page is a body of ``pages/`` with styles and scripts of there written into
it. Its security policy names the hashes of just these: whatever else a page
is made to hold, a browser neither runs nor fetches it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmmtl.version import __version__

_FOLDER = Path(__file__).with_name('pages')
_CONTENT = '@content@'


def make_page(
    body: str,
    *,
    title: str,
    scripts: Sequence[str],
    connect: str = "'none'",
) -> tuple[str, str]:
    """Return a page in two parts; what it shows goes between them.

    Args:
        body: File in ``pages/``.
        title: Text, no HTML.
        scripts: Files in ``pages/``, in the order in which they run.
        connect: Where scripts may fetch from, as a policy says it.

    Returns:
        What stands before the content and what stands after it.
    """
    style = _read('page.css')
    script = '\n'.join(_read(name) for name in scripts)
    policy = '; '.join(
        [
            "default-src 'none'",
            'img-src data:',
            f'style-src {_hash(style)}',
            f'script-src {_hash(script)}',
            f'connect-src {connect}',
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    text = _read('frame.html')
    for mark, value in {
        '@policy@': policy,
        '@version@': __version__,
        '@style@': style,
        '@script@': script,
        '@body@': _read(body),
        '@viewer@': _read('viewer.html'),
        '@title@': html.escape(title),
    }.items():
        text = text.replace(mark, value)
    before, _, after = text.partition(_CONTENT)
    return before, after


def json_block(name: str, content: Any) -> str:
    """Return data for scripts of a page to read; browsers run none of it.

    Args:
        name: Class of the element.
        content: What JSON can hold, without NaN.
    """
    # A name such as `</script>` must not end the element.
    text = json.dumps(content, allow_nan=False, separators=(',', ':'))
    text = text.replace('<', '\\u003c')
    return f'<script type="application/json" class="{name}">{text}</script>'


def data_uri(kind: str, content: bytes) -> str:
    """Return bytes as an address that holds them itself.

    Args:
        kind: MIME type.
        content: The bytes.
    """
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'


def _read(name: str) -> str:
    return (_FOLDER / name).read_text('utf-8')


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
