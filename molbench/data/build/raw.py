"""Which raw files a build reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from molbench.data.build.records import Progress
from molbench.errors import UserError
from molbench.paths import home
from molbench.spec.dataset import Dataset


def raw_files(
    dataset: Dataset,
    subsets: Sequence[str],
    *,
    raw: Path | None,
    offline: bool,
    progress: Progress | None,
    dispensable: Collection[str] = (),
) -> dict[str | None, dict[str, Path]]:
    """Find or download the raw files of each part to be built.

    Args:
        dataset: The declaration.
        subsets: Subsets asked for; none for all, or with ``raw`` for those whose files are there.
        raw: Folder of files that are on disk already.
        offline: Whether to refuse every download.
        progress: Told how far a download is.
        dispensable: Sources that are left out where they are not there.

    Returns:
        Part (None for a dataset without subsets) to files by source key.

    Raises:
        UserError: If a subset is unknown, or a file can neither be found nor fetched.
    """
    if raw is not None and not raw.is_dir():
        raise UserError(f"{raw}: no such folder of raw files")
    if unknown := [name for name in subsets if name not in dataset.subsets]:
        known = ", ".join(dataset.subsets) or "none"
        raise UserError(f"{dataset.name}: no subset '{unknown[0]}'; it has: {known}")
    if subsets or raw is None or not dataset.subsets:
        wanted: list[str | None] = list(subsets or dataset.subsets) or [None]
        return {name: _files(dataset, name, raw, offline, progress, dispensable) for name in wanted}
    found: dict[str | None, dict[str, Path]] = {}
    missing = []
    for name in dataset.subsets:
        try:
            found[name] = _files(dataset, name, raw, True, progress, dispensable)
        except UserError as error:
            missing.append(str(error))
    if not found:
        raise UserError(f"{raw}: raw files of no subset of {dataset.name} are there; the first: {missing[0]}")
    return found


def _files(  # noqa: PLR0917
    dataset: Dataset,
    subset: str | None,
    raw: Path | None,
    offline: bool,
    progress: Progress | None,
    dispensable: Collection[str],
) -> dict[str, Path]:
    """Files of one part: under the source's key, or for several members of an archive under their names."""
    from molbench.data.build.sources import MissingSourceError, fetch

    files: dict[str, Path] = {}
    for key, source in dataset.subset_sources(subset).items():
        try:
            got = fetch(source, home() / "raw" / dataset.name, raw=raw, offline=offline, progress=progress)
        except MissingSourceError:
            if key not in dispensable:
                raise
            continue
        files |= {key: next(iter(got.values()))} if len(got) == 1 else got
    return files
