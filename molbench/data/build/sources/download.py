"""Downloads over HTTP that resume, and that say what came instead of the file."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molbench.data.build.sources.check import human, problem_with
from molbench.errors import UserError
from molbench.progress import ProgressCallback
from molbench.spec.dataset import SourceFile

_ATTEMPTS = 5
_BLOCK = 1 << 18
_TIMEOUT = 60.0
_HEADERS = {"User-Agent": "molbench", "Accept-Encoding": "identity"}


class _FailedError(Exception):
    """This address does not give the file."""


class _InterruptedError(Exception):
    """The connection ended early; what has come is kept."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to http or https, and never from https to http."""

    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> urllib.request.Request | None:
        request = super().redirect_request(req, *rest)
        if request is not None and req.type == "https" and request.type != "https":
            raise _FailedError(f"redirects from https to {request.type}: refused")
        return request


@dataclass(frozen=True)
class _Part:
    """What has come so far, and the mark by which a server knows whether it still has the same file."""

    path: Path

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, url: str) -> str | None:
        """Entity tag or date under which this address gave the beginning."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["validator"]) if note["url"] == url and note["validator"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url: str, validator: str | None) -> None:
        self.note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def download(source: SourceFile, target: Path, progress: ProgressCallback | None = None) -> None:
    """Fetch a file from the first address that gives it.

    What has come of it is kept beside ``target`` as ``.part`` and continued after an interruption, in this
    call and in later ones, where a checksum or the server's mark of identity makes sure that it is the same
    file. ``target`` appears only when it is complete and checked.

    Args:
        source: Addresses, and size and digests as far as they are known.
        target: File to make.
        progress: Told how far the download is.

    Raises:
        UserError: If no address gives the file; it says for each what came instead.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(target.with_name(target.name + ".part"))
    reports = []
    for url in source.urls:
        try:
            _receive_patiently(url, source, part, progress)
            if problem := problem_with(part.path, source):
                part.forget()
                raise _FailedError(f"what came is not the file: {problem}")
        except _FailedError as error:
            reports.append(f"  {url}: {error}")
        else:
            part.path.replace(target)
            part.forget()
            return
    raise UserError(f"{source.filename} cannot be downloaded:\n" + "\n".join(reports))


def _receive_patiently(url: str, source: SourceFile, part: _Part, progress: ProgressCallback | None) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        before = part.size()
        try:
            _receive(url, source, part, progress)
        except _InterruptedError as error:
            if attempt == _ATTEMPTS or part.size() <= before:
                raise _FailedError(f"{error}; run it again to go on from there") from error
        else:
            return


def _receive(url: str, source: SourceFile, part: _Part, progress: ProgressCallback | None) -> None:
    """Get what is missing of the file."""
    have, headers = part.size(), dict(_HEADERS)
    validator = part.validator(url)
    if have and (validator or source.md5 or source.sha256):
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    elif have:
        part.forget()
        have = 0
    if not url.startswith(("https://", "http://")):
        raise _FailedError("not an http or https address")
    opener = urllib.request.build_opener(_NoDowngrade())
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as response:  # noqa: S310
            if response.status == http.HTTPStatus.OK:
                have = 0
            total = _expected(response, source, part, have)
            if have == 0:
                part.begin(url, response.headers["ETag"] or response.headers["Last-Modified"])
            _copy(response, part, have=have, total=total, name=source.filename, progress=progress)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            if part.size() != source.size:
                part.forget()
                _receive(url, source, part, progress)
            return
        raise _FailedError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        if part.size() > have:
            raise _InterruptedError(f"the connection ended after {human(part.size())}: {error}") from error
        reason = getattr(error, "reason", None) or error
        raise _FailedError(f"no connection: {reason}") from error


def _expected(response: http.client.HTTPResponse, source: SourceFile, part: _Part, have: int) -> int | None:
    """Total length of the file as the server gives it, once the answer looks like the file at all."""
    length = response.headers["Content-Length"]
    total = have + int(length) if length and length.isdigit() else None
    kind = response.headers.get_content_type()
    expected = human(source.size) if source.size else source.filename
    if kind == "text/html" and not source.filename.endswith((".html", ".htm")):
        raise _FailedError(
            f"got {kind}, {human(total) if total else 'of unknown size'} instead of {expected}"
        )
    if total is not None and source.size is not None and total != source.size:
        raise _FailedError(
            f"got {kind}, {human(total)} instead of {expected} ({total:,} for {source.size:,} bytes)"
        )
    if have and not (response.headers["Content-Range"] or "").startswith(f"bytes {have}-"):
        part.forget()
        raise _FailedError("answered with another part of the file than was asked for")
    return total


def _copy(
    response: http.client.HTTPResponse,
    part: _Part,
    *,
    have: int,
    total: int | None,
    name: str,
    progress: ProgressCallback | None,
) -> None:
    with part.path.open("ab" if have else "wb") as file:
        while block := response.read(_BLOCK):
            file.write(block)
            have += len(block)
            if total is not None and have > total:
                part.forget()
                raise _FailedError("more came than the server had announced")
            if progress is not None:
                progress(f"download {name}", have, total)
    if total is not None and have < total:
        raise _InterruptedError(f"the connection ended after {human(have)} of {human(total)}")
