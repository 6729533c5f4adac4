"""From declared sources to a built dataset folder."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from molbench.atomic import replace_folder
from molbench.data.build import card
from molbench.data.build.part import build_part
from molbench.data.build.raw import raw_files
from molbench.data.build.records import Progress
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, Part, combined_digest, file_entries
from molbench.errors import UserError
from molbench.paths import home
from molbench.spec.catalogue import DatasetEntry
from molbench.spec.dataset import PARTIAL, Dataset
from molbench.spec.splits import Splits

DECLARATIONS = ("dataset.yaml", "splits.yaml", "tasks.yaml")
_REBUILT = {*DECLARATIONS, "README.md", "manifest.json", "failures.jsonl", "splits", "molecules.parquet"}
_CELLS = re.compile(r"cells(-\d+)?")
_LEVEL = 9


def build(
    entry: DatasetEntry,
    *,
    output: Path | None = None,
    raw: Path | None = None,
    offline: bool = False,
    subsets: Sequence[str] = (),
    allow_partial: bool = False,
    num_proc: int = 1,
    level: int = _LEVEL,
    progress: Progress | None = None,
) -> Path:
    """Build a dataset from its raw files.

    The folder appears whole or not at all. Building subsets into a folder that holds others keeps those.

    Args:
        entry: What to build.
        output: Folder to make; ``$MOLBENCH_HOME/datasets/<id>`` by default, with ``-partial`` behind the id
            where records are missing.
        raw: Folder of raw files that are on disk already.
        offline: Whether to refuse every download.
        subsets: Which subsets; by default all, or with ``raw`` those whose files are there.
        allow_partial: Whether records of the complete dataset may be missing, or files that only split
            schemes read; such schemes are left out.
        num_proc: Number of processes that parse.
        level: Zstandard level of the cells.
        progress: Told how far the work is.

    Returns:
        The built folder.

    Raises:
        UserError: If a source, a record or a split scheme is not as declared; nothing is written then.
    """
    dataset = entry.dataset
    parent = output.parent if output else home() / "datasets"
    if output is not None:
        _existing(output, dataset)  # a wrong folder is better refused before the work than after it
    parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{entry.id}-build.", dir=parent))
    try:
        parts: dict[str | None, Part] = {}
        dispensable = _split_sources(dataset, entry.splits) if allow_partial else set()
        found = raw_files(
            dataset, subsets, raw=raw, offline=offline, progress=progress, dispensable=dispensable
        )
        for subset, files in found.items():
            work = scratch / "work"
            work.mkdir()
            parts[subset] = build_part(
                dataset,
                entry.splits,
                subset,
                files,
                lacking=sorted((dispensable & dataset.subset_sources(subset).keys()) - files.keys()),
                scratch=work,
                target=subset_folder(scratch / "built", subset),
                allow_partial=allow_partial,
                num_proc=num_proc,
                level=level,
                progress=progress,
            )
            shutil.rmtree(work)
        partial = any(part.partial for part in parts.values())
        folder = output or parent / (dataset.name + (PARTIAL if partial else ""))
        before = _existing(folder, dataset)
        with replace_folder(folder) as temporary:
            for item in (scratch / "built").iterdir():
                shutil.move(item, temporary / item.name)
            kept = _keep(folder, before, temporary, parts, dataset.version)
            for name in DECLARATIONS:
                shutil.copyfile(entry.folder / name, temporary / name)
            manifest = _manifest(dataset, {**kept, **parts})
            seal(temporary, entry, manifest)
        return folder
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def seal(folder: Path, entry: DatasetEntry, manifest: Manifest) -> None:
    """Write card, failure list and manifest into a folder that holds everything else.

    Args:
        folder: The folder.
        entry: Declarations to describe it with.
        manifest: What has been built; the list of files is made anew.
    """
    schemas = {subset: part_schema(folder, subset) for subset in manifest.by_subset}
    text = card.render(entry.dataset, entry.splits, entry.tasks, manifest, schemas)
    (folder / "README.md").write_text(text, encoding="utf-8")
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


def _split_sources(dataset: Dataset, splits: Splits) -> set[str]:
    """Sources of one file that only split schemes read: a part of the dataset can be built without them."""
    sources = {
        key: source
        for name in [None, *dataset.subsets]
        for key, source in dataset.subset_sources(name).items()
    }
    named = {
        text
        for scheme in splits.schemes.values()
        for text in scheme.parameters.values()
        if isinstance(text, str)
    }
    parsed = {text for value in dataset.options.values() if isinstance(value, list) for text in value}
    return {key for key in named & sources.keys() - parsed if len(sources[key].members) <= 1}


def _existing(folder: Path, dataset: Dataset) -> Manifest | None:
    """Manifest of the build that is about to be replaced; None for an empty place or a bare declaration."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / "dataset.yaml").is_file():
        raise UserError(f"{folder}: holds something that is not a dataset; choose another output folder")
    before = Manifest.read(folder) if (folder / "manifest.json").is_file() else None
    if before is not None and before.name != dataset.name:
        raise UserError(f"{folder}: holds the dataset '{before.name}', not '{dataset.name}'")
    return before


def _keep(
    folder: Path, before: Manifest | None, temporary: Path, built: Mapping[str | None, Part], version: str
) -> dict[str | None, Part]:
    """Copy over what a build does not replace: other subsets, and files of the user's own."""
    kept: dict[str | None, Part] = {
        subset: part for subset, part in (before.subsets if before else {}).items() if subset not in built
    }
    if before is not None and kept and before.version != version:
        raise UserError(
            f"{folder}: {', '.join(map(str, kept))} were built from version {before.version}, this "
            f"is {version}; build them anew too, or choose another output folder"
        )
    for item in folder.iterdir() if folder.is_dir() else ():
        if item.name in _REBUILT or item.name in built or _CELLS.fullmatch(item.name):
            continue
        if item.is_dir():
            shutil.copytree(item, temporary / item.name)
        else:
            shutil.copy2(item, temporary / item.name)
    return kept


def _manifest(dataset: Dataset, parts: Mapping[str | None, Part]) -> Manifest:
    partial = any(part.partial for part in parts.values())
    facts = {
        "name": dataset.name,
        "dataset_id": dataset.name + (PARTIAL if partial else ""),
        "version": dataset.version,
        "software": _software(),
    }
    if None in parts:
        return Manifest(**dict(parts[None]), **facts)
    subsets = {name: parts[name] for name in dataset.subsets if name in parts}
    return Manifest(
        records=sum(part.records for part in subsets.values()),
        digest=combined_digest(subsets),
        bytes=sum(part.bytes for part in subsets.values()),
        partial=partial,
        schemes={},
        subsets=subsets,
        **facts,
    )


def _software() -> dict[str, str]:
    return {name: installed(name) for name in ("molbench", "datasets", "pyarrow", "numpy", "rdkit")}
