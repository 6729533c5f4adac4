"""Whether a checkpoint that is there already is what a pretraining would come to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from molbench.data.leakage.pairs import holds_pairs
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue
from molbench.spec.pretrain import PretrainRequest
from molbench.training.checkpoint import Checkpoint
from molbench.training.corpus import Corpus
from molbench.training.setup import build_objective, settings_of, training_config
from molbench.training.state import changed_conditions

_SAME = ("dataset", "subset", "digest", "scheme", "variant", "init", "contaminated")


def finished_checkpoint(request: PretrainRequest) -> Checkpoint | None:
    """The checkpoint that a request would write, if it has been written; None where there is no such file.

    Raises:
        UserError: If the file is none, or of other settings or other data, naming what differs.
    """
    if not request.output.exists():
        return None
    there = Checkpoint.load(request.output)
    records = there.pretraining.get("records")
    expected = _untrained(request, records if isinstance(records, int) else 0)
    asked = expected.pretraining["excluded"]["tasks"]
    if changed := changed_conditions(_conditions(there, asked), _conditions(expected, asked)):
        raise UserError(
            f"{request.output}: a checkpoint of another pretraining: {'; '.join(changed)}. Choose another "
            "place, or remove it"
        )
    return there


def _untrained(request: PretrainRequest, records: int) -> Checkpoint:
    """What would be written, but for the training."""
    start = Checkpoint.load(request.init) if request.init else None
    settings = settings_of(request, start)
    corpus = Corpus.open(request)
    objective = build_objective(request, settings, start)
    tasks = Catalogue.load().tasks(request.exclude) if request.exclude else []
    pretraining: dict[str, Any] = {
        "dataset": corpus.store.dataset_id,
        "subset": corpus.store.subset,
        "digest": corpus.store.digest,
        "scheme": corpus.scheme,
        "excluded": {"tasks": [ref.id for ref in tasks]},
        "variant": request.variant,
        "init": start.digest if start else None,
        "training": training_config(request, settings, records).model_dump(),
    }
    if holds_pairs(corpus.store.dataset):
        pretraining["contaminated"] = request.include_test_pairs
    return Checkpoint.of(
        objective.backbone,
        method=request.method,
        method_config=asdict(objective.config),
        pretraining=pretraining,
    )


def _conditions(checkpoint: Checkpoint, asked: list[str]) -> dict[str, Any]:
    """How a checkpoint was made, as flat name to value; of what was left out no more than was asked for.

    Pairs that tasks test on are left out unasked, and the tasks that are built here may change.
    """
    stage = checkpoint.pretraining
    tasks = _mapping(stage.get("excluded")).get("tasks")
    left_out = tasks if isinstance(tasks, list) else []
    if stage.get("contaminated") is False:
        left_out = [task for task in left_out if task in asked]
    groups = {
        "method": checkpoint.method_config,
        "backbone": checkpoint.config,
        "training": _mapping(stage.get("training")),
    }
    return {
        "method": checkpoint.method,
        "backbone": checkpoint.backbone,
        **{f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()},
        **{name: stage.get(name) for name in _SAME},
        "excluded": left_out,
    }


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
