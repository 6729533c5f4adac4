"""How many records a part of a dataset has, of how many."""

from __future__ import annotations

from collections.abc import Mapping

from molbench.data.folder.manifest import Count, SourceEntry
from molbench.spec.dataset import Dataset


def count_of(
    dataset: Dataset, subset: str | None, sources: Mapping[str, SourceEntry], records: int, failures: int
) -> Count:
    """Whether the records are all that there are.

    Where no number is declared, it is known only that nothing is missing from files whose declared checksum
    they have.

    Args:
        dataset: The declaration.
        subset: Which part.
        sources: The raw files that were read.
        records: Records that are there.
        failures: Records that failed. A manifest may tell of as many as it likes, so that no more of them
            count than a build allows.
    """
    if failures > dataset.max_failures:
        return "short"
    records += failures
    declared = dataset.subset_records(subset)
    if declared is not None:
        return "complete" if records == declared else "short" if records < declared else "other"
    named = dataset.subset_sources(subset)
    known = named and all(
        source.sha256 is not None and key in sources and sources[key].sha256 == source.sha256
        for key, source in named.items()
    )
    return "complete" if known else "unknown"


def what_is_missing(dataset: Dataset, subset: str | None, count: Count, records: int) -> str:
    """Why a part is not known to be complete."""
    declared = dataset.subset_records(subset)
    if count == "unknown" or declared is None:
        return f"{records:,} records, of how many is not known"
    if count == "other":
        return f"{records:,} records, but dataset.yaml declares {declared:,}: other data"
    return f"{records:,} of {declared:,} records are there"
