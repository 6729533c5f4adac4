"""A web server on this machine that can misbehave in every way a download has to survive."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Answer:
    """How one path is served.

    Attributes:
        cut: Bytes after which the connection is closed, once for each entry.
        etag: Mark of identity sent along, changed to make a file look replaced.
    """

    content: bytes = b""
    status: int = 200
    kind: str = "application/octet-stream"
    ranges: bool = True
    etag: str | None = '"1"'
    cut: list[int] = field(default_factory=list)
    location: str | None = None
    length: bool = True


class Site:
    """The server: ``site.serve("a.npz", content)`` gives the address; ``site.asked`` lists the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def serve(self, name: str, content: bytes = b"", **how: object) -> str:
        self.answers["/" + name] = Answer(content, **how)  # type: ignore[arg-type]
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers["Range"]
                site.asked.append((self.path, wanted))
                answer = site.answers.get(self.path, Answer(b"not here", status=404, kind="text/html"))
                content, status, start = answer.content, answer.status, 0
                if wanted and answer.ranges and self.headers["If-Range"] in {None, answer.etag}:
                    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                    status = 206 if start < len(content) else 416
                self.send_response(status)
                self.send_header("Content-Type", answer.kind)
                if answer.location:
                    self.send_header("Location", answer.location)
                if answer.length:
                    self.send_header("Content-Length", str(0 if status == 416 else len(content) - start))
                if answer.etag:
                    self.send_header("ETag", answer.etag)
                if status == 206:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.end_headers()
                if status != 416:
                    stop = start + answer.cut.pop(0) if answer.cut else len(content)
                    self.wfile.write(content[start:stop])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()
