"""A file that is no checkpoint of this program: what it is, and the command that would work."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from torch import Tensor

from molbench.data.build.parsers.torch_archive import Archive
from molbench.errors import UserError
from molbench.evaluation.other_files import OWN_MODEL
from molbench.releases import RELEASES
from molbench.training.checkpoint_file import content_of
from molbench.training.safetensors_file import read_safetensors


def advice(path: Path) -> str:
    """What to do with a file that could not be read as a checkpoint, in one sentence.

    Args:
        path: A file that is there.
    """
    try:
        content = read_safetensors(path)[1] if path.suffix == ".safetensors" else content_of(path)
    except (UserError, ValueError, OSError, MemoryError):
        if _is_damaged(path):
            return "it is not what was written: copy it again, or make it again"
        return f"it holds more than tensors, as a whole module does, and is not opened: {OWN_MODEL}"
    state = _state(content)
    if state is None:
        return f"it holds no weights that could be read: {OWN_MODEL}"
    if sources := [name for name in RELEASES if _encoder_of(name, state)]:
        output = f"{path.stem.lower()}-converted.pt"
        commands = " or ".join(f"`molbench convert --from {name} {path} -o {output}`" for name in sources)
        return f"it looks like a published release: {commands}"
    return f"it holds plain weights, and nothing says of which model: {OWN_MODEL}"


def _is_damaged(path: Path) -> bool:
    """Whether a file that could not be read is less or other than what was written.

    One of ``torch.save`` begins as an archive and tells its checksums; all that one of safetensors could hold
    would have been read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
                return path.suffix == ".safetensors" or start in {b"", b"PK\x03\x04"}
            Archive(file).verify()
    except (ValueError, OSError):
        return True
    return False


def _state(content: Any) -> dict[str, Tensor] | None:
    """The weights, bare or under one of the usual keys."""
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not any(isinstance(value, Tensor) for value in content.values()):
        return None
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _encoder_of(source: str, state: dict[str, Tensor]) -> bool:
    """Whether a release has one encoder among these weights."""
    try:
        RELEASES[source]().find([name.removeprefix("module.") for name in state])
    except UserError:
        return False
    return True
