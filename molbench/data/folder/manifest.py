"""``manifest.json``: what a built dataset consists of, and how to tell that it is undamaged."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from molbench.atomic import replace_file
from molbench.errors import UserError, meant, quoted
from molbench.spec.base import Spec, later
from molbench.spec.dataset import PARTIAL
from molbench.spec.names import Name

MANIFEST_FILE = "manifest.json"

Count = Literal["complete", "short", "other", "unknown"]
"""Whether a part has all records that there are, fewer, more, or nobody knows how many there are."""

_BLOCK = 1 << 20


class FileEntry(Spec):
    """One file of the folder, by its relative POSIX path."""

    sha256: str
    size: int


class SourceEntry(FileEntry):
    """One raw file that was read."""

    filename: str


class FailureEntry(Spec):
    """One record that was left out."""

    id: str
    where: str
    reason: str


class SchemeEntry(Spec):
    """One split scheme as built.

    Attributes:
        digest: SHA-256 of the assignment, see ``molbench.data.folder.digest.assignment_digest``.
        content: Digest of the records that it uses, see ``molbench.data.folder.scheme_digest``.
        geometry: Whether positions, bonds and SMILES are part of that, see ``molbench.spec.splits.Scheme``.
        complete: Whether these are all that the scheme has.
        counts: Records of each split.
        cells: Folder of the cells it is read from; schemes that share one have a letter each, in order.
    """

    digest: str
    content: str
    geometry: bool = later(True)
    complete: bool
    counts: dict[str, int]
    cells: str = "cells"


class Part(Spec):
    """A whole dataset, or one of its subsets.

    Attributes:
        digest: Content digest of the records in source order.
        bytes: Size of the records in Arrow memory.
        count: Whether its records are all that there are.
        partial: Whether a scheme lacks records, or a file was lacking that only schemes read.
        left_out: Split schemes that could not be built, with the reason.
        molecules: Of pairs, how many molecules have a conformer by which means, and how many have none.
    """

    records: int
    digest: str
    bytes: int
    count: Count
    partial: bool
    schemes: dict[Name, SchemeEntry]
    left_out: dict[str, str] = Field(default_factory=dict)
    failures: list[FailureEntry] = Field(default_factory=list)
    molecules: dict[str, int] = Field(default_factory=dict)
    sources: dict[str, SourceEntry] = Field(default_factory=dict)

    @property
    def cell_folders(self) -> dict[str, list[str]]:
        """Folders of cells, the schemes of each in the order of their letters."""
        folders: dict[str, list[str]] = {}
        for name, scheme in self.schemes.items():
            folders.setdefault(scheme.cells, []).append(name)
        return folders


class Manifest(Part):
    """Everything about one built folder.

    For a dataset with subsets, ``subsets`` has a part for each, ``digest`` is over theirs, ``records`` and
    ``bytes`` are sums, and ``schemes`` is empty.
    """

    name: Name
    dataset_id: str
    version: str
    subsets: dict[Name, Part] = Field(default_factory=dict)
    files: dict[str, FileEntry] = Field(default_factory=dict)
    software: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _named(self) -> Manifest:
        if self.dataset_id != self.name + (PARTIAL if self.partial else ""):
            raise ValueError(f"dataset_id {quoted(self.dataset_id)} does not belong to name and partial")
        schemes = [scheme for part in self.by_subset.values() for scheme in part.schemes.values()]
        if not self.partial and not all(scheme.complete for scheme in schemes):
            raise ValueError("a split scheme lacks records, and the dataset is not partial")
        return self

    @property
    def by_subset(self) -> dict[str | None, Part]:
        """The subsets by name, or the dataset itself under None."""
        parts: dict[str | None, Part] = {}
        parts.update(self.subsets)
        return parts or {None: self}

    def part(self, subset: str | None) -> Part:
        """One subset, or the dataset itself for None.

        Raises:
            UserError: If it has not been built.
        """
        if subset not in self.by_subset:
            known, hint = ", ".join(self.subsets) or "none", meant(subset or "", self.subsets)
            raise UserError(
                f"{self.dataset_id}: no subset '{subset or ''}' in this build{hint}; it has: {known}"
            )
        return self.by_subset[subset]

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a built folder.

        Raises:
            UserError: If there is none, or it is damaged.
        """
        path = folder / MANIFEST_FILE
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{folder}: no {MANIFEST_FILE}: not a built dataset; see `molbench data build`"
            ) from None
        except (ValidationError, UnicodeDecodeError) as error:
            what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise UserError(f"{path}: damaged: {what}; build the dataset again") from error

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into ``folder``."""
        with replace_file(folder / MANIFEST_FILE) as temporary:
            text = json.dumps(self.model_dump(), indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")


def combined_digest(parts: dict[str, Part]) -> str:
    """Digest of a dataset with subsets: over names and digests of the subsets, in name order."""
    lines = "".join(f"{name}\t{part.digest}\n" for name, part in sorted(parts.items()))
    return sha256(lines.encode()).hexdigest()


def file_entry(path: Path) -> FileEntry:
    """SHA-256 and size of a file, read in blocks."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return FileEntry(sha256=digest.hexdigest(), size=size)


def file_entries(folder: Path) -> dict[str, FileEntry]:
    """Entries of every file of a built folder, apart from the manifest."""
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and not _apart(path.relative_to(folder))
    )
    return {path.relative_to(folder).as_posix(): file_entry(path) for path in paths}


def _apart(path: Path) -> bool:
    return path.name == MANIFEST_FILE or any(part.startswith(".") for part in path.parts)
