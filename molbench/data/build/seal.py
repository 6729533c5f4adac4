"""What a built folder says of itself: card, Croissant, list of failures, and the manifest over all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.build import card
from molbench.data.folder.croissant import CROISSANT_FILE, croissant
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, file_entries
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry


def seal(folder: Path, entry: DatasetEntry, manifest: Manifest) -> None:
    """Write card, Croissant description, failure list and manifest into a folder that holds everything else.

    Args:
        folder: The folder.
        entry: Declarations to describe it with.
        manifest: What has been built; the list of files is made anew.
    """
    schemas = {subset: part_schema(folder, subset) for subset in manifest.by_subset}
    text = card.render_card(entry.dataset, entry.splits, entry.tasks, manifest, schemas)
    (folder / "README.md").write_text(text, encoding="utf-8")
    described = croissant(entry.dataset, manifest, file_entries(folder), schemas)
    text = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    (folder / CROISSANT_FILE).write_text(text, encoding="utf-8")
    failures = [
        {"subset": subset, **failure.model_dump()} if subset else failure.model_dump()
        for subset, part in manifest.by_subset.items()
        for failure in part.failures
    ]
    if failures:
        lines = "".join(json.dumps(failure, ensure_ascii=False) + "\n" for failure in failures)
        (folder / "failures.jsonl").write_text(lines, encoding="utf-8")
    manifest.model_copy(update={"files": file_entries(folder)}).write(folder)


def part_schema(folder: Path, subset: str | None) -> pa.Schema:
    """Columns of one part of a built folder."""
    cells = sorted((subset_folder(folder, subset) / "cells").glob("*.parquet"))
    if not cells:
        raise UserError(f"{subset_folder(folder, subset)}: no cells: the build is damaged")
    return pq.read_schema(cells[0]).remove_metadata()
