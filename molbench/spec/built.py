"""What of a dataset is here, from its manifest as it stands: lists ask it of all, and cannot check each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def built_schemes(folder: Path) -> dict[str | None, frozenset[str]]:
    """Split schemes of a folder's records, by subset, or under None without any; empty before a build."""
    manifest = _manifest(folder)
    try:
        parts = manifest.get("subsets") or {None: manifest}
        return {subset: frozenset(part["schemes"]) for subset, part in parts.items()}
    except (KeyError, TypeError, AttributeError):
        return {}


def built_records(folder: Path) -> int | None:
    """How many records a folder has, or None while it is not built."""
    records = _manifest(folder).get("records")
    return records if isinstance(records, int) else None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
