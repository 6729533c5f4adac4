"""``load_dataset``: rows of a built dataset, checked before they are read."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import datasets

from molbench.atomic import replace_file
from molbench.data.build.builder import build
from molbench.data.folder.hub import config_name
from molbench.data.folder.location import locate
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import file_problems
from molbench.errors import UserError, meant
from molbench.paths import home
from molbench.spec.catalogue import Catalogue


def load_dataset(
    name: str,
    scheme: str | None = None,
    *,
    subset: str | None = None,
    split: str | None = None,
    streaming: bool = False,
) -> Any:
    """Load a dataset, building it first where it can be built from its declared addresses.

    The rows are those of ``datasets.load_dataset(folder, config, split=split)``; what is added is that the
    files are found by the dataset's name, and that their checksums are compared with the manifest, which that
    library never does. Files that passed are not read again until their size or time of change differs.

    Args:
        name: Dataset id, e.g. ``qm9``.
        scheme: Split scheme; the dataset's first by default.
        subset: Part of the dataset, where it has subsets.
        split: ``train``, ``validation``, ``test`` or a slice of them; all of them by default.
        streaming: Whether to iterate over the files without preparing a copy.

    Returns:
        ``Dataset`` for one split, ``DatasetDict`` for all; the iterable kinds when streaming.

    Raises:
        UserError: If the dataset, scheme or subset is not there, or a file is damaged.

    Examples:
        >>> import molbench
        >>> train = molbench.load_dataset("xtb-molecules", "scaffold", split="train")
        >>> sorted(train[0])[:3]
        ['alpha', 'atomic_numbers', 'cv']
    """
    folder = _find_or_build(name)
    manifest = Manifest.read(folder)
    scheme = _scheme(manifest, scheme, subset)
    check_files(folder, manifest, subset)
    config = config_name(subset, scheme)
    return datasets.load_dataset(str(folder), config, split=split, streaming=streaming)


def check_files(folder: Path, manifest: Manifest, subset: str | None) -> None:
    """Compare the files of one part with the manifest, reading only those that changed since the last time.

    Raises:
        UserError: Naming each file that is missing or damaged.
    """
    prefix = f"{subset}/" if subset else ""
    names = [
        name
        for name in manifest.files
        if name == "README.md"
        or name.startswith((f"{prefix}cells", f"{prefix}splits/", f"{prefix}molecules"))
    ]
    memory = home() / "verified" / f"{sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.json"
    known: dict[str, list[Any]] = json.loads(memory.read_text()) if memory.is_file() else {}
    stamps = {name: _stamp(folder / name, manifest.files[name].sha256) for name in names}
    unseen = [name for name in names if known.get(name) != stamps[name]]
    if problems := list(file_problems(folder, manifest, unseen)):
        raise UserError(
            f"{folder}: damaged; build or fetch it again:\n" + "\n".join(f"  {p}" for p in problems)
        )
    if unseen:
        with replace_file(memory) as temporary:
            temporary.write_text(json.dumps(known | stamps))


def _find_or_build(name: str) -> Path:
    entry = Catalogue.load().entries.get(name)
    fetchable = entry is not None and not entry.built and _has_addresses(entry.dataset)
    if entry is None or not fetchable or datasets.config.HF_HUB_OFFLINE:
        return locate(name)
    return build(entry)


def _has_addresses(dataset: Any) -> bool:
    sources = [dataset.subset_sources(subset) for subset in dataset.subsets or [None]]
    return all(source.urls for part in sources for source in part.values())


def _scheme(manifest: Manifest, scheme: str | None, subset: str | None) -> str:
    """The scheme asked for, if it has been built."""
    name = manifest.dataset_id
    part = manifest.part(subset)
    scheme = scheme or next(iter(part.schemes))
    if scheme not in part.schemes:
        reason = f" ({part.left_out[scheme]})" if scheme in part.left_out else ""
        hint = reason or meant(scheme, part.schemes)
        known = ", ".join(part.schemes)
        raise UserError(f"{name}: no split scheme '{scheme}' in this build{hint}; it has: {known}")
    return scheme


def _stamp(path: Path, digest: str) -> list[Any]:
    """What must stay the same for a file to count as seen."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns, status.st_ino, digest]
