"""The pages of a folder of results over HTTP, made again whenever the results have changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from typing_extensions import override

from molbench.errors import UserError
from molbench.evaluation.result import result_files

Signature = list[tuple[Path, int, int]]


class Live:
    """Pages that follow a folder of results.

    Args:
        results: The folder.
        build: Makes the pages anew.
        say: Told of a build, and of one that failed; the pages from before it stay.
    """

    def __init__(self, results: Path, build: Callable[[], None], say: Callable[[str], None]) -> None:
        self._results, self._build, self._say = results, build, say
        self._lock = Lock()
        self._made_from: Signature | None = None

    def refresh(self) -> None:
        """Make the pages anew if results came, went or changed."""
        with self._lock:
            try:
                signature = _signature(self._results)
                if signature == self._made_from:
                    return
                self._made_from = signature
                self._build()
                self._say(f"made from {len(signature)} results")
            except UserError as error:
                self._say(str(error))


def server(live: Live, site: Path, port: int) -> ThreadingHTTPServer:
    """A server of ``site`` on this machine alone; ``serve_forever`` starts it.

    Raises:
        UserError: If the port is taken.
    """
    handler = partial(_Handler, live, directory=str(site))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UserError(f"port {port}: {error.strerror}; give another with --port") from None


class _Handler(SimpleHTTPRequestHandler):
    """Static files; a page is brought up to date before it is sent."""

    def __init__(self, live: Live, *args: object, directory: str) -> None:
        self._live = live
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    @override
    def do_GET(self) -> None:
        if self.path.partition("?")[0].endswith((".html", "/")):
            self._live.refresh()
        super().do_GET()

    @override
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Requests are not worth a line each."""


def _signature(folder: Path) -> Signature:
    signature = []
    for path in result_files(folder):
        status = path.stat()
        signature.append((path, status.st_mtime_ns, status.st_size))
    return signature
