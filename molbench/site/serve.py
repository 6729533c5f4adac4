"""The pages over HTTP, made again whenever what they are made from has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from typing_extensions import override

from molbench.errors import UserError

Signature = list[tuple[Path, int, int]]


class Live:
    """Pages that follow results or submissions.

    Args:
        files: Gives the files that the pages are made from.
        build: Makes the pages anew.
        say: Told of a build, and of one that failed; the pages from before it stay.
    """

    def __init__(
        self, files: Callable[[], Iterable[Path]], build: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._files, self._build, self._say = files, build, say
        self._lock = Lock()
        self._made_from: Signature | None = None

    def refresh(self) -> None:
        """Make the pages anew if files came, went or changed."""
        with self._lock:
            try:
                signature = [(path, *_state(path)) for path in self._files()]
                if signature == self._made_from:
                    return
                self._made_from = signature
                self._build()
                self._say(f"made from {len(signature)} files")
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


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
