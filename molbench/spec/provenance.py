"""The stages of pretraining that a checkpoint's provenance tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def stages(pretraining: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One record a stage, first to last.

    The provenance of a checkpoint is the record of its last stage; its entry ``stages`` has those before.
    Nothing is assumed of it, since it may be a stranger's.

    Args:
        pretraining: Provenance of a checkpoint.

    Returns:
        The records; an empty one stands for what came before a start of which only the digest is known, as
        files of the first version have it. Without provenance there are none.
    """
    if not pretraining:
        return []
    last = {name: value for name, value in pretraining.items() if name != "stages"}
    listed = pretraining.get("stages")
    earlier = [stage for stage in listed if isinstance(stage, dict)] if isinstance(listed, list) else []
    if not earlier and last.get("init"):
        earlier = [{}]
    return [*earlier, last]
