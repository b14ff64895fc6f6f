"""What is read from the web: ``http://`` and ``https://`` only."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from mmmtl.errors import UserError

TIMEOUT = 20.0  # seconds without a byte from the server
_BEGINS = ('http://', 'https://')


def is_url(source: object) -> bool:
    """Tell whether something is a text that begins as a URL of the web.

    Raises:
        UserError: It begins so, and is none.
    """
    if not isinstance(source, str) or not source.lower().startswith(_BEGINS):
        return False
    try:
        urlparse(source)
    except ValueError as error:
        raise UserError(f'{source} is no URL: {error}') from error
    return True


def open_url(url: str) -> Any:
    """Return the answer of a server, as a context manager.

    Args:
        url: ``http(s)://``.

    Raises:
        OSError: The server does not answer, or not with a file.
    """
    # Some servers refuse Python's own name.
    request = Request(url, headers={'User-Agent': 'mmmtl'})
    return urlopen(request, timeout=TIMEOUT)


def read_url(url: str, limit: int) -> bytes:
    """Return the content of a file of the web.

    Args:
        url: ``http(s)://``.
        limit: Bytes that it may have.

    Raises:
        UserError: It cannot be had whole, or is larger.
    """
    try:
        with open_url(url) as answer:
            length = answer.headers['Content-Length']
            content = answer.read(limit + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise UserError(f'cannot download {url}: {error}') from error
    if len(content) > limit:
        raise UserError(
            f'cannot download {url}: it has more than {limit / 1e6:.0f} MB; '
            'download it yourself, and give the file'
        )
    if length is not None and len(content) != int(length):
        raise UserError(
            f'cannot download {url}: it ended after {len(content)} of '
            f'{length} bytes'
        )
    return content
