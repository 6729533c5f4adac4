"""Which raw files a build reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError
from molbench.paths import home
from molbench.progress import ProgressCallback
from molbench.spec.build import BuildRequest
from molbench.spec.dataset import Dataset
from molbench.spec.splits import Splits


@dataclass(frozen=True)
class RawPart:
    """Raw files of a dataset, or of one of its subsets.

    Attributes:
        subset: Which one, or None.
        files: Raw files by source key; of several members of an archive, by their names.
        lacking: Sources that only split schemes read and that are not there.
    """

    subset: str | None
    files: dict[str, Path]
    lacking: tuple[str, ...] = ()


def raw_parts(request: BuildRequest, progress: ProgressCallback | None) -> list[RawPart]:
    """Find or download the raw files of each part to be built.

    Args:
        request: What is to be built.
        progress: Told how far a download is.

    Raises:
        UserError: If a file can neither be found nor fetched.
    """
    dataset = request.entry.dataset
    dispensable = _split_sources(dataset, request.entry.splits) if request.allow_partial else set()
    if request.subsets or request.raw is None or not dataset.subsets:
        subsets: list[str | None] = list(request.subsets or dataset.subsets) or [None]
        return [_raw_part(request, name, dispensable, progress) for name in subsets]
    parts, missing = [], []
    for name in dataset.subsets:
        try:
            parts.append(_raw_part(request, name, dispensable, progress, offline=True))
        except UserError as error:
            missing.append(str(error))
    if not parts:
        raise UserError(
            f"{request.raw}: raw files of no subset of {dataset.name} are there; the first: {missing[0]}"
        )
    return parts


def _raw_part(
    request: BuildRequest,
    subset: str | None,
    dispensable: Collection[str],
    progress: ProgressCallback | None,
    offline: bool = False,
) -> RawPart:
    from molbench.data.build.sources import MissingSourceError, fetch

    dataset, offline = request.entry.dataset, offline or request.offline
    cache = home() / "raw" / dataset.name
    files: dict[str, Path] = {}
    lacking = []
    for key, source in dataset.subset_sources(subset).items():
        try:
            got = fetch(source, cache, raw=request.raw, offline=offline, progress=progress)
        except MissingSourceError:
            if key not in dispensable:
                raise
            lacking.append(key)
            continue
        files |= {key: next(iter(got.values()))} if len(got) == 1 else got
    return RawPart(subset, files, tuple(lacking))


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
