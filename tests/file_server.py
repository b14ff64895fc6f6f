"""A web server of a few files in this process, for downloads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Answers with what stands in ``files``, and counts who asks.

    Attributes:
        files: Bytes by path, the query included.
        asked: Requests by path.
        cut: This many bytes at the end are announced and not sent.
        barrier: Requests wait here for one another.
    """

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.cut = 0
        self.barrier = threading.Barrier(1)

    def add(self, path: str, content: bytes) -> str:
        """Offer a file, and return its URL."""
        self.files[path] = content
        return f'http://127.0.0.1:{self.server_address[1]}{path}'


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        """Answer one request."""
        self.server.asked[self.path] += 1
        self.server.barrier.wait()
        content = self.server.files[self.path]
        self.send_response(200)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - self.server.cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve_files() -> Iterator[FileServer]:
    """Run a server while the block lasts."""
    with FileServer() as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server
        finally:
            server.shutdown()
