"""What a built dataset holds, in a form to print; and its card made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from molbench.data.build.seal import part_schema, seal
from molbench.data.build.splits.expand import expand
from molbench.data.folder.hub import config_name
from molbench.data.folder.manifest import Manifest
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry


def info(folder: Path) -> dict[str, Any]:
    """Facts about a built folder, as builtins.

    Raises:
        UserError: If it is not a built dataset.
    """
    manifest = Manifest.read(folder)
    first = next(iter(manifest.by_subset))
    return {
        "dataset": manifest.dataset_id,
        "version": manifest.version,
        "folder": str(folder),
        "records": manifest.records,
        "partial": manifest.partial,
        "count": manifest.count,
        "digest": manifest.digest,
        "bytes_on_disk": sum(entry.size for entry in manifest.files.values()),
        "columns": {field.name: str(field.type) for field in part_schema(folder, first)},
        "configs": {
            config_name(subset, scheme): entry.counts
            for subset, part in manifest.by_subset.items()
            for scheme, entry in part.schemes.items()
        },
        "incomplete": [
            config_name(subset, scheme)
            for subset, part in manifest.by_subset.items()
            for scheme, entry in part.schemes.items()
            if not entry.complete
        ],
        "left_out": {
            config_name(subset, scheme): reason
            for subset, part in manifest.by_subset.items()
            for scheme, reason in part.left_out.items()
        },
        "failures": sum(len(part.failures) for part in manifest.by_subset.values()),
        "software": manifest.software,
    }


def refresh_card(folder: Path) -> Path:
    """Write ``README.md`` anew after a change to the text of the declarations beside it.

    Returns:
        The card.

    Raises:
        UserError: If the folder is not a built dataset, or the declarations are of another one.
    """
    manifest = Manifest.read(folder)
    entry = DatasetEntry(manifest.dataset_id, folder)
    if entry.dataset.name != manifest.name:
        raise UserError(
            f"{folder}: dataset.yaml is of '{entry.dataset.name}', the records are of '{manifest.name}'"
        )
    declared = expand(entry.splits.schemes)
    if gone := {s for part in manifest.by_subset.values() for s in part.schemes} - set(declared):
        raise UserError(
            f"{folder}: splits.yaml lacks the built scheme '{min(gone)}'; build the dataset again"
        )
    seal(folder, entry, manifest.model_copy(update={"version": entry.dataset.version}))
    return folder / "README.md"
