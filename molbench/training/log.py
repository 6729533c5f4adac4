"""The training log: one JSON object a line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Self

from molbench.atomic import replace_file

LOG = "log.jsonl"


class TrainingLog:
    """Appends to ``log.jsonl`` in a folder, or to nothing.

    Args:
        folder: Where the log lies; None for none.
        step: Steps the run has done. Lines beyond were written by a run that was killed before it saved its
            state; they will be written again and are removed.
    """

    def __init__(self, folder: Path | None, step: int) -> None:
        self._file = None
        if folder is None:
            return
        path = folder / LOG
        kept = [line for line in _complete_lines(path) if json.loads(line)["step"] <= step]
        with replace_file(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")

    def write(self, step: int, **values: float | None) -> None:
        """Append one line; what is not a finite number becomes null, as JSON wants it."""
        if self._file:
            finite = {n: v if v is not None and math.isfinite(v) else None for n, v in values.items()}
            self._file.write(json.dumps({"step": step} | finite) + "\n")

    def flush(self) -> None:
        """Hand all lines so far to the operating system."""
        if self._file:
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()


def _complete_lines(path: Path) -> list[str]:
    """Lines of a log that may end in the middle of one."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text[: text.rfind("\n") + 1].splitlines()
