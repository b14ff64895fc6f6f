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
import logging
import socket
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import (
    BaseWSGIServer,
    WSGIRequestHandler,
    make_server,
)
from werkzeug.wrappers import Request, Response

from mmmtl.errors import UserError
from mmmtl.serving.service import PictureService, Refusal
from mmmtl.visualization.html_page import make_page

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BYTES = 32_000_000
#: Seconds that a connection may be silent.
SILENCE = 30.0
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


_FAILED = 'this picture could not be predicted; the terminal says why'
_LOGGER = logging.getLogger(__name__)


class PageServer:
    """A WSGI application: the page, predictions, downloads."""

    def __init__(
        self,
        service: PictureService,
        *,
        title: str,
        trusted_hosts: Collection[str] = (),
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Make the page.

        Args:
            service: Predicts.
            title: What stands above, such as the name of the model.
            trusted_hosts: Names under which the page may be asked for,
                beside ``localhost`` and addresses; see :func:`is_trusted`.
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
        self._trusted_hosts = {name.lower() for name in trusted_hosts}
        self._max_bytes = max_bytes

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request; see WSGI."""
        request = Request(environ)
        request.max_content_length = self._max_bytes
        try:
            response = self._answer(request)
        except Refusal as refusal:
            response = Response(str(refusal), refusal.status)
        except HTTPException as error:
            response = Response(_words_of(error, self._max_bytes), error.code)
        except Exception:
            _LOGGER.exception('%s %s', request.method, request.path)
            response = Response(_FAILED, 500)
        response.headers.update(_HEADERS)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        host = request.headers.get('Host', '')
        if not is_trusted(host, self._trusted_hosts):
            raise Refusal(
                400,
                f'this page is not to be asked for as {host[:80]!r}: if it '
                'should be, start it with --trusted-hosts and this name',
            )
        adapter = _ROUTES.bind('localhost')
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
        # Browsers say whose page sends. Where one does not, a form of another
        # site still cannot send this type unasked.
        sender = request.headers.get('Sec-Fetch-Site', 'same-origin')
        if sender not in ('same-origin', 'none'):
            raise Refusal(403, 'pages of other sites may send no pictures')
        if request.mimetype != 'application/octet-stream':
            raise Refusal(415, 'send the file as application/octet-stream')
        name = unquote(request.headers.get('X-Name', 'picture'))
        # The place first: nobody's file is read who cannot wait.
        with self._service.place():
            content = request.get_data(cache=False)
            record = self._service.predict(content, name)
        return Response(json.dumps(record), mimetype='application/json')


def is_trusted(host: str, names: Collection[str]) -> bool:
    """Tell whether a page may be asked for under a name.

    Another site can let a name of its own point to this machine, and then
    reads what is answered. It cannot do so with an address, nor with
    ``localhost``.

    Args:
        host: ``Host`` of a request, with or without a port.
        names: Further names that are good, in lower case.
    """
    try:
        name = urlsplit(f'//{host}').hostname or ''
    except ValueError:  # brackets that are no address
        return False
    return name in {'localhost', *names} or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


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


class _Handler(WSGIRequestHandler):
    timeout = SILENCE


def make_http_server(
    service: PictureService,
    listening: socket.socket,
    *,
    title: str,
    trusted_hosts: Collection[str] = (),
) -> BaseWSGIServer:
    """Put the page at a port.

    Args:
        service: Predicts.
        listening: See :func:`open_socket`.
        title: What stands above.
        trusted_hosts: Names under which the page may be asked for, beside
            addresses, ``localhost`` and, where others reach it, the names
            of this machine.

    Returns:
        The server, to be started by ``serve_forever``.
    """
    host, port, *_ = listening.getsockname()
    names = set(trusted_hosts)
    if not ipaddress.ip_address(host).is_loopback:
        own = socket.gethostname()
        names |= {own, f'{own}.local', socket.getfqdn()}
    app = PageServer(service, title=title, trusted_hosts=names)
    return make_server(
        host,
        port,
        app,
        threaded=True,
        request_handler=_Handler,
        fd=listening.fileno(),
    )


def address_of(server: BaseWSGIServer) -> str:
    """Return the address of a server's page, for a browser."""
    host = f'[{server.host}]' if ':' in server.host else server.host
    return f'http://{host}:{server.port}'
