"""What is known about a checkpoint's pretraining data in the test split of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from molbench.data.leakage.matrix import Count, Overlap, cached
from molbench.data.leakage.pairs import holds_pairs
from molbench.data.leakage.sides import tested
from molbench.spec.catalogue import TaskRef


def overlap_with(pretraining: Mapping[str, Any], task: TaskRef) -> Overlap | None:
    """The overlap of a checkpoint's corpus and a test split, as ``molbench audit overlap`` found it earlier.

    Nothing is computed here. Where the checkpoint's provenance says that the test molecules of this split
    were left out of pretraining, none of them counts as seen; scaffolds and similar molecules are then those
    of the whole corpus, as the note says.

    Args:
        pretraining: Record of one stage: ``digest`` and ``scheme`` of the corpus, ``excluded``.
        task: Its dataset must be built.

    Returns:
        The overlap, or None where it has not been computed.
    """
    digest, scheme = pretraining.get("digest"), pretraining.get("scheme")
    if not (isinstance(digest, str) and isinstance(scheme, str)):
        return None
    # A matrix has one row for all folds of a cross-validation.
    test = tested(replace(task, fold=None)).side
    overlap = cached(digest, scheme, test)
    if overlap is None or (level := left_out(pretraining, test.name)) not in overlap.counts:
        return overlap
    counts = overlap.counts | {level: Count(seen=0, of=overlap.counts[level].of)}
    note = f"test {level}s were left out of pretraining; the other counts are of the whole corpus"
    return overlap.model_copy(update={"counts": counts, "note": note})


def contamination(pretraining: Mapping[str, Any], task: TaskRef) -> str | None:
    """A warning where pretraining has seen, or may have seen, pairs of molecules that a task tests on.

    Args:
        pretraining: Record of one stage: ``contaminated``, and ``test_pairs`` of the test splits known then.
        task: Its dataset must be built.
    """
    if not holds_pairs(task.dataset) or not pretraining.get("contaminated"):
        return None
    known = pretraining.get("test_pairs")
    name = tested(replace(task, fold=None)).side.name
    count = known.get(name) if isinstance(known, Mapping) else None
    if not isinstance(count, int):
        return "contaminated: its test pairs were not left out of pretraining"
    return f"contaminated: {count:,} of its test pairs were pretrained on" if count else None


def left_out(pretraining: Mapping[str, Any], test: str) -> str:
    """Level at which nothing of a test split was pretrained on; empty where nothing was left out."""
    excluded = pretraining.get("excluded")
    identities = excluded.get("identities") if isinstance(excluded, Mapping) else None
    if not isinstance(identities, list):
        return ""
    by = next((str(text).rpartition(": ")[2] for text in identities if str(text).startswith(f"{test}:")), "")
    return "molecule" if by not in {"", "pair"} else by
