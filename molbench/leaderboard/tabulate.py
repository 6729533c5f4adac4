"""A finished board as plain data, laid out from its models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.protocols import load_protocol
from molbench.leaderboard.field import BoardField
from molbench.leaderboard.published import published_scores
from molbench.leaderboard.reproduced import Ours
from molbench.leaderboard.rows import rows_of
from molbench.leaderboard.score import known, rounded
from molbench.leaderboard.scores import scores_of
from molbench.leaderboard.table import BoardDataset, Table
from molbench.spec.direct import DIRECT, Direct
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.recipe import Recipe


def tabulate(field: BoardField, commands: Sequence[str]) -> Table:
    """Rank the models of a board and lay out everything about it.

    Args:
        field: The models.
        commands: What a reader types between evaluating a model and building the board.
    """
    board, scored = field.board, field.scored
    protocol = _recipe(board.protocol)
    selection = f"--suite {board.suite}" if board.suite else f"--tasks '{','.join(board.tasks)}'"
    rows = rows_of(field)
    scores = scores_of(board.name, field.entries, field.task_scores, scored, field.live)
    ours = Ours(rows.listed, {(score.task, score.model): score for score in scores}, protocol)
    evaluate = f"molbench evaluate CHECKPOINT {selection} --protocol {board.protocol} --seeds {board.seeds}"
    return Table(
        name=board.name,
        title=board.title,
        description=board.description,
        commands=[
            evaluate + (" --fingerprint" if FINGERPRINT in field.entries else ""),
            *commands,
            f"molbench board build {board.name}",
        ],
        protocol=protocol.model_dump(exclude_none=True),
        evaluation=str(EVALUATION_VERSION),
        embedded=all(ref.dataset.embedded for ref in field.tasks.values()),
        partial=field.partial,
        detectable=known(rows.detectable),
        detectable_later=known(rows.detectable_later),
        tasks=scored,
        missing=[task for task in field.tasks if task not in scored],
        sources=_sources(field),
        rows=rows.listed,
        published=published_scores(list(field.tasks.values()), ours),
        task_weights=dict(zip(field.tasks, map(rounded, board.weights(list(field.tasks))), strict=True)),
        constants=_constants(field),
        scores=scores,
    )


def _constants(field: BoardField) -> dict[str, float]:
    """What one constant scores on each task, as most of its scores say: they are of the same labels."""
    constants = {}
    for task in field.scored:
        of_models = (field.task_scores[model].get(task) for model in field.live)
        counts = Counter(known(score.constant) for score in of_models if score is not None)
        if (value := counts.most_common(1)[0][0]) is not None:
            constants[task] = value
    return constants


def _sources(field: BoardField) -> list[BoardDataset]:
    """Records behind the board; of several versions of them, each."""
    grouped: dict[tuple[str, str, str, str], dict[str, None]] = {}
    builds: dict[tuple[str, str, str, str], str] = {}
    for model in field.live:
        for task, task_score in field.task_scores[model].items():
            ref = field.tasks[task]
            key = (ref.entry.id, ref.dataset.version, ref.scheme_name, task_score.data[1])
            grouped.setdefault(key, {})[task] = None
            builds.setdefault(key, task_score.data[0])
    names = ("dataset", "version", "scheme", "split_digest")
    return [
        BoardDataset(**dict(zip(names, key, strict=True)), digest=builds[key], tasks=sorted(tasks))
        for key, tasks in sorted(grouped.items())
    ]


def _recipe(name: str) -> Recipe:
    return Direct() if name == DIRECT else load_protocol(name)
