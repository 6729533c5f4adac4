"""What the provenance of a checkpoint says about records that it shares with a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from molbench.evaluation.kinds import kind_of
from molbench.spec.catalogue import TaskRef
from molbench.spec.provenance import stages

#: Tasks that are named one by one.
SOME = 12


def overlap(task: TaskRef, pretraining: Mapping[str, Any]) -> str | None:
    """What is known, stage by stage; None where nothing is tested that could have been seen."""
    if not kind_of(task.task).learns:
        return None
    return "; then ".join(_source(task, stage) + _known(task, stage) for stage in stages(pretraining)) or None


def checked_overlap(task: TaskRef, pretraining: Mapping[str, Any], stated: str | None) -> str | None:
    """What a result says of it, if that names every stage as its provenance does; else what that says.

    More may have been known where it was made than here: the corpus may not lie here.
    """
    # Looking into a corpus takes long, and is only done where the statement does not hold.
    sources = [_source(task, stage) for stage in stages(pretraining)] if kind_of(task.task).learns else []
    if stated is not None and sources and all(source in stated for source in sources):
        return stated
    return overlap(task, pretraining)


def contaminations(task: TaskRef, pretraining: Mapping[str, Any]) -> list[str]:
    """Warnings of the stages that saw pairs which the task tests on."""
    from molbench.data.leakage import contamination

    if not kind_of(task.task).learns:
        return []
    return [text for stage in stages(pretraining) if (text := contamination(stage, task))]


def _source(task: TaskRef, stage: Mapping[str, Any]) -> str:
    source, scheme = stage.get("dataset"), stage.get("scheme")
    if source is None:
        return "the checkpoint does not say what it was pretrained on"
    if task.dataset.name == str(source).removesuffix("-partial"):
        same = f", training split of scheme '{scheme}'" if scheme else ""
        return f"pretrained on the same dataset ('{source}'{same})"
    return f"pretrained on '{source}'"


def _known(task: TaskRef, stage: Mapping[str, Any]) -> str:
    from molbench.data.leakage import overlap_with

    if stage.get("dataset") is None:
        return ""
    excluded, more = stage.get("excluded"), ""
    if isinstance(excluded, dict) and excluded.get("records"):
        names = excluded.get("tasks")
        names = list(map(str, names)) if isinstance(names, list) and names else ["some tasks"]
        tasks = ", ".join(names) if len(names) <= SOME else f"{len(names)} tasks"
        more = f"; {excluded['records']} records left out because they are in the test splits of {tasks}"
    seen = overlap_with(stage, task)
    if seen and (count := seen.counts.get("molecule")):
        more += f"; {count.seen:,} of {count.of:,} test molecules are in the corpus (by {seen.compared_by})"
    return more
