"""The page in front of a :class:`PictureService`, by Werkzeug.

Werkzeug's own server is meant for a few users on a trusted network, as
TensorBoard uses it; that is what this page is for, too. Gradio, the usual
choice (6.31), asks for an older Pillow than the tested one, names 28 packages,
and shows no value under the mouse.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from mmmtl.errors import UserError
from mmmtl.serving.service import PictureService, Refusal
from mmmtl.visualization.html_page import make_page

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BYTES = 32_000_000
_ROUTES = Map(
    [
        Rule('/', endpoint='page', methods=['GET']),
        Rule('/predict', endpoint='predict', methods=['POST']),
        Rule('/maps/<key>/<task>', endpoint='download', methods=['GET']),
    ]
)
_HEADERS = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "frame-ancestors 'none'",  # page: see its head
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
}


class PageServer:
    """A WSGI application: the page, predictions, downloads."""

    def __init__(
        self,
        service: PictureService,
        *,
        title: str,
        trusted_hosts: list[str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Make the page.

        Args:
            service: Predicts.
            title: What stands above, such as the name of the model.
            trusted_hosts: Names under which the page may be asked for; any
                if None.
            max_bytes: Size of a file that is read.
        """
        self._service = service
        self._page = ''.join(
            make_page(
                'serve.html',
                title=title,
                scripts=['viewer.js', 'serve.js'],
                connect="'self'",
            )
        )
        self._trusted_hosts = trusted_hosts
        self._max_bytes = max_bytes

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request; see WSGI."""
        request = Request(environ)
        request.max_content_length = self._max_bytes
        request.trusted_hosts = self._trusted_hosts
        try:
            response = self._answer(request)
        except Refusal as refusal:
            response = Response(str(refusal), refusal.status)
        except HTTPException as error:
            response = Response(_words_of(error, self._max_bytes), error.code)
        response.headers.update(_HEADERS)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        # A name that another site gives to this address is refused here.
        adapter = _ROUTES.bind(request.host)
        endpoint, values = adapter.match(request.path, request.method)
        if endpoint == 'page':
            return Response(self._page, mimetype='text/html')
        if endpoint == 'download':
            name, content = self._service.download(**values)
            said = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
            kind = 'image/png' if name.endswith('.png') else None
            return Response(
                content,
                mimetype=kind or 'application/octet-stream',
                headers={'Content-Disposition': said},
            )
        # A form of another site cannot send this type unasked.
        if request.mimetype != 'application/octet-stream':
            raise Refusal(415, 'send the file as application/octet-stream')
        name = unquote(request.headers.get('X-Name', 'picture'))
        record = self._service.predict(request.get_data(cache=False), name)
        return Response(json.dumps(record), mimetype='application/json')


def _words_of(error: HTTPException, max_bytes: int) -> str:
    if error.code == 413:
        return f'the file is larger than {max_bytes / 1e6:g} MB'
    return error.name


def open_socket(host: str, port: int) -> socket.socket:
    """Take a port before anything slow begins.

    Args:
        host: Address to listen at.
        port: 0 takes a free one.

    Raises:
        UserError: It cannot be had.
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = str(error)
        if getattr(error, 'errno', None) == errno.EADDRINUSE:
            reason = 'another program uses it; name another one by --port'
        raise UserError(f'{host} port {port}: {reason}') from error


def make_http_server(
    service: PictureService, listening: socket.socket, *, title: str
) -> BaseWSGIServer:
    """Put the page at a port.

    Args:
        service: Predicts.
        listening: See :func:`open_socket`.
        title: What stands above.

    Returns:
        The server, to be started by ``serve_forever``.
    """
    host, port, *_ = listening.getsockname()
    alone = ipaddress.ip_address(host).is_loopback
    names = ['localhost', '127.0.0.1', '[::1]']
    app = PageServer(
        service, title=title, trusted_hosts=names if alone else None
    )
    return make_server(host, port, app, threaded=True, fd=listening.fileno())
