"""Multi-frame xyz files with labels in the comment lines and forces beside the coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from molbench.data.build.parsers.base import only_file
from molbench.data.build.parsers.extended_xyz import (
    comment_values,
    layout_of,
    read_atoms,
    read_vectors,
    refuse_contradictions,
)
from molbench.data.build.parsers.labelled.frames import LabelledFrames, Structure
from molbench.data.build.parsers.xyz import xyz_frames
from molbench.data.build.sources.streams import open_stream

SUFFIXES = tuple(kind + pack for kind in (".xyz", ".extxyz") for pack in ("", ".gz", ".xz", ".bz2"))
COMMENT = "comment"

_file = partial(only_file, suffixes=SUFFIXES, what="the xyz file")


@dataclass(frozen=True)
class LabelledXyz(LabelledFrames):
    """One record a frame; the whole comment line is the value ``comment``.

    ``Properties=`` says what the columns are; see
    :func:`~molbench.data.build.parsers.extended_xyz.layout_of`.
    """

    name = "labelled-xyz"
    nothing = "nothing but blank lines"

    def file(self, files: Mapping[str, Path]) -> Path:
        """The xyz file."""
        return _file(files)

    def structures(self, path: Path) -> Iterator[tuple[str, str, Callable[[], Structure]]]:
        """Every frame."""
        with open_stream(path) as file:
            for count, (line, comment, atoms) in enumerate(xyz_frames(file, path), start=1):
                yield f"frame {count}", f"line {line:,}", partial(self._frame, line, comment, atoms)

    def _frame(self, line: int, comment: bytes, atoms: Sequence[bytes]) -> Structure:
        text = comment.decode("utf-8", "surrogateescape")
        refuse_contradictions(text)
        layout = layout_of(text)
        numbers, positions = read_atoms(atoms, layout, first=line + 2)
        columns: dict[str, Any] = {"atomic_numbers": numbers, "positions": positions}
        if self.forces:
            columns["forces"] = read_vectors(atoms, layout, self.forces, first=line + 2)
        return {COMMENT: text} | comment_values(text), columns
