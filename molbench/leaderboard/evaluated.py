"""Results of one's own as boards read them: scored as submissions are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from molbench.evaluation.built import Data
from molbench.evaluation.result import Stored
from molbench.leaderboard.card import Card
from molbench.leaderboard.entry import Entry
from molbench.spec.catalogue import TaskRef
from molbench.spec.provenance import stages
from molbench.submission.cost import cost_of, speed_of
from molbench.submission.pack import modality_of
from molbench.submission.receipt import TaskScore
from molbench.submission.scoring import task_scores_of

#: Results of one model on one task under one protocol, by seed.
Runs = dict[int, Stored]


def entries_of(
    results: Iterable[Stored], tasks: Mapping[str, TaskRef], known: Collection[str]
) -> list[Entry]:
    """Models of results, by name.

    Args:
        results: Results that hold, see :mod:`~molbench.evaluation.trust`.
        tasks: By id; results of others are left aside.
        known: Ids of the datasets of the catalogue.
    """
    models: dict[str, dict[tuple[str, str], Runs]] = {}
    for stored in results:
        result = stored.result
        if result.task.id in tasks:
            model_runs = models.setdefault(result.checkpoint.name, {})
            model_runs.setdefault((result.task.id, result.protocol.name), {})[result.seed] = stored
    return [_entry(model_runs, tasks, known) for _, model_runs in sorted(models.items())]


def _entry(
    groups: Mapping[tuple[str, str], Runs], tasks: Mapping[str, TaskRef], known: Collection[str]
) -> Entry:
    stored = [one for runs in groups.values() for one in runs.values()]
    model = stored[0].result.checkpoint
    corpora = [str(stage.get("dataset") or "unknown data") for stage in stages(model.pretraining)]
    measured = cost_of([one.result for one in stored])
    speeds = {key: speed_of([one.result for one in runs.values()]) for key, runs in groups.items()}
    return Entry(
        card=Card(
            model=model.name,
            family=model.backbone,
            modality=modality_of(model),
            corpora=tuple(name for name in corpora if name in known),
            others=tuple(name for name in corpora if name not in known),
            digest=None if model.scratch else model.encoder_digest,
            parameters=model.parameters,
            cost=measured,
            date=max((one.result.date for one in stored if one.result.date), default=None),
        ),
        backbone=model.backbone,
        baseline=None if model.baseline == model.name else model.baseline,
        method=model.method,
        pretrained_on=" then ".join(corpora) or None,
        task_scores=tuple(
            task_score for (task, _), runs in groups.items() for task_score in _task_scores(tasks[task], runs)
        ),
        scratch=model.scratch,
        speeds={key: speed for key, speed in speeds.items() if speed and measured},
        seen={one.result.task.id: one.result.overlap for one in stored if one.result.overlap},
        warnings={key: _warnings(list(runs.values())) for key, runs in groups.items()},
        partial=frozenset(one.result.task.id for one in stored if one.result.task.partial),
    )


def _task_scores(task: TaskRef, runs: Runs) -> list[TaskScore]:
    first = runs[min(runs)].result
    data = Data(first.task.digest, first.task.split_digest, first.task.partial)
    predictions = {seed: stored.predictions for seed, stored in runs.items()}
    return task_scores_of(task, first.protocol, predictions, data, scratch=first.checkpoint.scratch)


def _warnings(stored: Sequence[Stored]) -> tuple[str, ...]:
    return tuple(sorted({warning for one in stored for warning in one.result.warnings}))
