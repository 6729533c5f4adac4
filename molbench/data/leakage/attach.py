"""What is known about a checkpoint's pretraining data in the test split of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from molbench.data.leakage.matrix import Count, Overlap, cached
from molbench.data.leakage.sides import tested
from molbench.spec.catalogue import TaskRef


def overlap_with(pretraining: Mapping[str, Any], task: TaskRef) -> Overlap | None:
    """The overlap of a checkpoint's corpus and a test split, as ``molbench audit overlap`` found it earlier.

    Nothing is computed here. Where the checkpoint's provenance says that the test molecules of this split
    were left out of pretraining, none of them counts as seen; scaffolds and similar molecules are then those
    of the whole corpus, as the note says.

    Args:
        pretraining: Provenance of a checkpoint: ``digest`` and ``scheme`` of the corpus, ``excluded``.
        task: Its dataset must be built.

    Returns:
        The overlap, or None where it has not been computed.
    """
    digest, scheme = pretraining.get("digest"), pretraining.get("scheme")
    if not (isinstance(digest, str) and isinstance(scheme, str)):
        return None
    # A matrix has one row for all folds of a cross-validation.
    test = tested(replace(task, fold=None)).side
    found = cached(digest, scheme, test)
    excluded = pretraining.get("excluded")
    identities = excluded.get("identities") if isinstance(excluded, Mapping) else None
    left_out = any(str(identity).startswith(f"{test.name}:") for identity in identities or ())
    if found is None or not left_out or "molecule" not in found.counts:
        return found
    counts = found.counts | {"molecule": Count(seen=0, of=found.counts["molecule"].of)}
    note = "test molecules were left out of pretraining; the other counts are of the whole corpus"
    return found.model_copy(update={"counts": counts, "note": note})
