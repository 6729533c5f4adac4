"""From declared sources to a built dataset folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory

from molbench.atomic import replace_folder, scratch_folder, sweep
from molbench.data.build.part import PartBuilder
from molbench.data.build.raw import raw_parts
from molbench.data.build.seal import seal
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, Part, combined_digest
from molbench.errors import UserError
from molbench.executors.request import ExecutorRequest
from molbench.paths import home
from molbench.progress import ProgressCallback
from molbench.spec.build import BuildRequest
from molbench.spec.catalogue import DatasetEntry
from molbench.spec.dataset import PARTIAL, Dataset
from molbench.spec.request import by_fields

DECLARATIONS = ("dataset.yaml", "splits.yaml", "tasks.yaml")
_REBUILT = {
    *DECLARATIONS,
    "README.md",
    "croissant.json",
    "manifest.json",
    "failures.jsonl",
    "splits",
    "molecules.parquet",
}
_CELLS = re.compile(r"cells(-\d+)?")
_BUILT = "built"


def run_build(request: BuildRequest, progress: ProgressCallback | None = None) -> Path:
    """Build a dataset from its raw files.

    The folder appears whole or not at all. Building subsets into a folder that holds others keeps those.

    Args:
        request: What is asked for.
        progress: Told how far the work is.

    Returns:
        The built folder.

    Raises:
        UserError: If a source, a record or a split scheme is not as declared; nothing is written then.
    """
    entry, output = request.entry, request.output
    ExecutorRequest(request.executor).check()  # one that cannot work is told of before the work
    if output is not None:
        _existing(output, entry.dataset)  # a wrong folder is better refused before the work than after it
    parent = output.parent if output else home() / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    with scratch_folder(parent / f"{entry.id}-build") as scratch:
        parts = _build_parts(request, scratch, progress)
        partial = any(part.partial for part in parts.values())
        folder = output or parent / (entry.dataset.name + (PARTIAL if partial else ""))
        _put_in_place(folder, entry, scratch / _BUILT, parts)
    return folder


build = by_fields(BuildRequest, run_build, "build")


def _build_parts(
    request: BuildRequest, scratch: Path, progress: ProgressCallback | None
) -> dict[str | None, Part]:
    """Build every part below ``scratch``, each after its raw files are all there."""
    parts: dict[str | None, Part] = {}
    for raw in raw_parts(request, progress):
        with TemporaryDirectory(dir=scratch) as work:
            target = subset_folder(scratch / _BUILT, raw.subset)
            parts[raw.subset] = PartBuilder(request, raw, Path(work), target, progress).build()
    return parts


def _put_in_place(folder: Path, entry: DatasetEntry, built: Path, parts: Mapping[str | None, Part]) -> None:
    """Make the folder of the parts that were built and, of what is there, those that were not."""
    before = _existing(folder, entry.dataset)
    with replace_folder(folder) as temporary:
        for item in built.iterdir():
            shutil.move(item, temporary / item.name)
        kept = _keep(folder, before, temporary, parts, entry.dataset.version)
        for name in DECLARATIONS:
            shutil.copyfile(entry.folder / name, temporary / name)
        seal(temporary, entry, _manifest(entry.dataset, {**kept, **parts}))


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
        count=next((part.count for part in subsets.values() if part.count != "complete"), "complete"),
        partial=partial,
        schemes={},
        subsets=subsets,
        **facts,
    )


def _software() -> dict[str, str]:
    return {name: installed(name) for name in ("molbench", "datasets", "pyarrow", "numpy", "rdkit")}
