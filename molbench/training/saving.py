"""``torch.save`` whose troubles with the disk are those of the system."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch


def save_whole(content: Any, path: Path) -> None:
    """Write what ``torch.save`` makes of ``content``.

    Written to a file directly, PyTorch reports a full disk as an error of its own without a cause.

    Raises:
        OSError: If the disk is full or the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getbuffer())
