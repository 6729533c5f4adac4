"""Checkpoints that are one method pretrained several times: what differs is the seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from molbench.evaluation.result import CheckpointEntry
from molbench.spec.provenance import stages

#: What of the provenance of a stage says how it was trained, and not what came of it.
_RECIPE = ("dataset", "subset", "digest", "scheme", "split", "excluded", "variant")


def repeated(checkpoints: Mapping[str, CheckpointEntry]) -> list[list[str]]:
    """Names of checkpoints in groups of two or more that differ in nothing but the seed of their pretraining.

    Args:
        checkpoints: What was scored, by name.
    """
    groups: dict[str, dict[str, str]] = {}
    for name, checkpoint in checkpoints.items():
        own_stages = stages(checkpoint.pretraining)
        if checkpoint.scratch or not own_stages or any("seed" not in stage for stage in own_stages):
            continue
        seeds = _text([stage["seed"] for stage in own_stages])
        groups.setdefault(_recipe(checkpoint, own_stages), {}).setdefault(seeds, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def _recipe(checkpoint: CheckpointEntry, model_stages: Sequence[Mapping[str, Any]]) -> str:
    model = checkpoint.model_dump(include={"backbone", "config", "method", "method_config"})
    return _text([model, [_without_seed(stage) for stage in model_stages]])


def _without_seed(stage: Mapping[str, Any]) -> dict[str, Any]:
    training = stage.get("training")
    settings = (
        {key: value for key, value in training.items() if key != "seed"}
        if isinstance(training, dict)
        else None
    )
    return {**{key: stage.get(key) for key in (*_RECIPE, "method", "method_config")}, "training": settings}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
