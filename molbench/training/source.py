"""Which code runs: the commit of the clone, and a digest of the package's own files."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from molbench.paths import PACKAGE

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_CODE = {".py", ".yaml", ".c", ".h"}


@cache
def package_digest() -> str:
    """SHA-256 over names and contents of the package's files; equal where the same code runs."""
    digest = sha256()
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in _CODE and path.is_file()):
        name = path.relative_to(PACKAGE)
        if name.parts[0] != "_catalog":
            content = sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name.as_posix()} {content}\n".encode())
    return digest.hexdigest()


@cache
def commit(root: Path = PACKAGE.parent) -> str | None:
    """Commit that is checked out in a clone, read without starting git; None where there is no clone.

    Files may have been changed since: what runs is told by :func:`package_digest`.
    """
    try:
        folder = _git_folder(root / ".git")
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if _HASH.fullmatch(head) else None
        return _resolve(folder, head.removeprefix("ref: "))
    except (OSError, UnicodeDecodeError):
        return None


def _git_folder(path: Path) -> Path:
    """``.git`` itself, or where the file of that name in a worktree points to."""
    if path.is_dir():
        return path
    pointed = path.read_text(encoding="utf-8").strip().removeprefix("gitdir: ")
    return path.parent / pointed


def _resolve(folder: Path, name: str) -> str | None:
    common = folder / "commondir"
    shared = folder / common.read_text(encoding="utf-8").strip() if common.is_file() else folder
    for directory in (folder, shared):
        if (directory / name).is_file():
            value = (directory / name).read_text(encoding="utf-8").strip()
            return value if _HASH.fullmatch(value) else None
    packed = (shared / "packed-refs").read_text(encoding="utf-8").splitlines()
    values = [line.split(" ")[0] for line in packed if line.endswith(f" {name}")]
    return values[0] if values and _HASH.fullmatch(values[0]) else None
