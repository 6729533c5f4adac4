"""Whether a file is the one that was declared."""

import hashlib
from pathlib import Path

from molbench.spec.dataset import SourceFile

_BLOCK = 1 << 20


def problem_with(path: Path, source: SourceFile) -> str | None:
    """What distinguishes a file from its declaration, or None if nothing does.

    Args:
        path: The file.
        source: Declared size, MD5 and SHA-256, as far as they are known.
    """
    size = path.stat().st_size
    if size == 0:
        return "the file is empty"
    if source.size is not None and size != source.size:
        return f"it has {size:,} bytes, declared are {source.size:,}"
    for name, declared in (("sha256", source.sha256), ("md5", source.md5)):
        if declared is not None and (actual := digest(path, name)) != declared:
            return f"its {name} is {actual}, declared is {declared}"
    return None


def digest(path: Path, algorithm: str) -> str:
    """Hexadecimal digest of a file, read in blocks."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def human(size: int) -> str:
    """A number of bytes as people say it: ``83 MB``."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"
