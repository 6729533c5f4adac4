"""A board of submissions, laid out from their receipts.

A row depends on its submission, on its baseline's and on the fingerprint trees' alone; only places, mean
ranks, shares of first places and the Pareto front are about all models. A model without some tasks has no
mean over all of them; it has a place from comparisons on the tasks it has in common with each other model,
and its row says how many these are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.measurement import Estimate
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.statistics import SIGNIFICANT
from molbench.evaluation.summary import Verdict
from molbench.leaderboard.entry import Entry
from molbench.leaderboard.grid import ScoreGrid
from molbench.leaderboard.pairs import Places, against, alone, mean_ranks, places
from molbench.leaderboard.published import published_scores
from molbench.leaderboard.reproduced import Ours
from molbench.leaderboard.score import Difference, Number
from molbench.leaderboard.scores import scores_of
from molbench.leaderboard.table import BoardDataset, Row, Table
from molbench.leaderboard.weightings import on_pareto_front, shares_of_first
from molbench.spec.board import Board
from molbench.spec.catalogue import TaskRef
from molbench.spec.fingerprint import FINGERPRINT
from molbench.submission.receipt import Cell


@dataclass(frozen=True)
class BoardField:
    """The models of one board.

    Attributes:
        board: The rules.
        tasks: All tasks of the board, by id.
        entries: Submissions that have some of them, or were withdrawn, by model name.
        cells: Their scores under the board's protocol, by task.
    """

    board: Board
    tasks: Mapping[str, TaskRef]
    entries: Mapping[str, Entry]
    cells: Mapping[str, dict[str, Cell]]

    @classmethod
    def of(cls, board: Board, refs: Sequence[TaskRef], entries: Sequence[Entry]) -> BoardField:
        """Pick what belongs on a board."""
        tasks = {ref.id: ref for ref in refs}
        version = {name: board.versions.get(name, ref.versions[-1][0]) for name, ref in tasks.items()}
        cells = {}
        for entry in entries:
            protocol = FINGERPRINT if entry.card.model == FINGERPRINT else board.protocol
            cells[entry.card.model] = {
                cell.task: cell
                for cell in entry.receipt.cells
                if cell.protocol == protocol and version.get(cell.task) == cell.version
            }
        shown = {entry.card.model: entry for entry in entries if cells[entry.card.model]}
        return cls(board, tasks, shown, {model: cells[model] for model in shown})

    @property
    def live(self) -> list[str]:
        """Models that were not withdrawn, in alphabetical order."""
        return sorted(model for model, entry in self.entries.items() if entry.withdrawn is None)

    @property
    def scored(self) -> list[str]:
        """Tasks that some of these have, in board order."""
        return [task for task in self.tasks if any(task in self.cells[model] for model in self.live)]

    def grid(self, models: Sequence[str]) -> ScoreGrid:
        """Scores of some models on all tasks of the board; of unknown ones there are none."""
        tasks = list(self.tasks)
        cells = [self.cells.get(model, {}) for model in models]
        return ScoreGrid.of(cells, tasks, self.board.weights(tasks), self.board.seeds)


def tabulate_submitted(field: BoardField) -> Table:
    """Rank the models of a board and lay out everything about it."""
    board, scored = field.board, field.scored
    protocol = load_protocol(board.protocol)
    wanted = f"--suite {board.suite}" if board.suite else f"--tasks '{','.join(board.tasks)}'"
    rows = _rows(field)
    scores = scores_of(board.name, field.entries, field.cells, scored, field.live)
    ours = Ours(rows, {(score.task, score.model): score for score in scores}, protocol)
    evaluate = f"molbench evaluate CHECKPOINT {wanted} --protocol {board.protocol} --seeds {board.seeds}"
    return Table(
        name=board.name,
        title=board.title,
        description=board.description,
        commands=[
            evaluate + (" --fingerprint" if FINGERPRINT in field.entries else ""),
            "molbench submit pack results/MODEL --name … --license … --author … --commit …",
            "molbench submit verify submissions/FAMILY/MODEL",
            f"molbench board build {board.name}",
        ],
        protocol=protocol.model_dump(exclude_none=True),
        evaluation=str(EVALUATION_VERSION),
        embedded=all(ref.dataset.embedded for ref in field.tasks.values()),
        partial=False,
        detectable=None,
        detectable_later=None,
        tasks=scored,
        missing=[task for task in field.tasks if task not in scored],
        sources=_sources(field),
        rows=rows,
        published=published_scores(list(field.tasks.values()), ours),
        scores=scores,
    )


def _rows(field: BoardField) -> list[Row]:
    models = field.live
    if not field.board.ranked:
        return [_told(field, model) for model in [*models, *sorted(field.entries.keys() - set(models))]]
    ranked = [m for m in models if field.entries[m].receipt.tier in field.board.tiers]
    grid, of_ranked = field.grid(models), field.grid(ranked)
    enough: np.ndarray = np.any(of_ranked.there, axis=1)
    ranked, of_ranked = [m for m, is_in in zip(ranked, enough, strict=True) if is_in], of_ranked.take(enough)
    standing = places(of_ranked)
    shared = _of_all(field, ranked, of_ranked, standing)
    own = alone(grid)
    widths = own.half_width()
    baselines = [field.entries[model].card.baseline or "" for model in models]
    gains = against(grid, field.grid(baselines))
    skills = against(grid, field.grid([FINGERPRINT] * len(models)))
    skill_widths, gain_widths, gain_p = skills.half_width(), gains.half_width(), gains.p
    rows = []
    for i, model in enumerate(models):
        value = float(np.asarray(own.value)[i])
        complete = bool(grid.complete[i])
        rows.append(
            _row(field, model).model_copy(
                update={
                    "relative_error": _ratio(value, float(widths[i])) if complete else None,
                    "gain": _gain(gains, i, gain_widths, gain_p),
                    "skill": None if model == FINGERPRINT else _share(skills, i, skill_widths),
                    "tasks": int(grid.there[i].sum()),
                    **shared.get(model, {}),
                }
            )
        )
    withdrawn = [_row(field, model) for model in sorted(field.entries) if model not in models]
    by_rank = field.board.order == "mean rank"
    rows.sort(
        key=lambda row: (
            row.rank is None,
            (row.mean_rank if by_rank else row.rank) or 0,
            row.rank or 0,
            -row.tasks,
            row.relative_error.value if row.relative_error else math.inf,
            row.model,
        )
    )
    return rows + withdrawn


def _told(field: BoardField, model: str) -> Row:
    """A model of a board that ranks none."""
    enough = [cell for cell in field.cells[model].values() if len(cell.values) >= field.board.seeds]
    return _row(field, model).model_copy(update={"tasks": len(enough)})


def _of_all(
    field: BoardField, models: Sequence[str], grid: ScoreGrid, standing: Places
) -> dict[str, dict[str, object]]:
    """What is said of a model that depends on all others."""
    complete = grid.complete
    logs = grid.logs[complete]
    first = dict(
        zip(
            np.flatnonzero(complete).tolist(),
            shares_of_first(logs, field.board.group_of(list(field.tasks))).tolist(),
            strict=True,
        )
    )
    ranks = mean_ranks(grid)
    means = np.where(complete, (grid.logs * grid.weights).sum(axis=1), np.nan)
    costs = np.array([_known(field.entries[model].card.parameters) for model in models])
    front, in_time = on_pareto_front(means, costs), _front_in_time(field, models, means)
    return {
        model: {
            "rank": int(standing.first[i]),
            "rank_high": int(standing.last[i]),
            "mean_rank": rounded(float(ranks[i])),
            "first": rounded(first[i]) if i in first else None,
            "pareto": bool(front[i]),
            "pareto_time": bool(in_time[i]),
        }
        for i, model in enumerate(models)
    }


def _front_in_time(field: BoardField, models: Sequence[str], errors: np.ndarray) -> np.ndarray:
    """Pareto fronts of error and measured time, each of the models of one device and way of measuring."""
    front = np.zeros(len(models), dtype=bool)
    costs = [field.entries[model].card.cost for model in models]
    measured = [None if cost is None else (cost.device, cost.version) for cost in costs]
    seconds = np.array([math.nan if (s := _seconds(field, model)) is None else s for model in models])
    for group in {key for key in measured if key is not None}:
        own = np.array([key == group for key in measured])
        front[own] = on_pareto_front(errors[own], seconds[own])
    return front


def _seconds(field: BoardField, model: str) -> float | None:
    """What a thousand records take on a typical task of the board; None if one was not measured."""
    entry = field.entries[model]
    keys = [(cell.task, cell.protocol) for cell in field.cells[model].values()]
    speeds = [entry.speeds[key] for key in keys if key in entry.speeds]
    if entry.card.cost is None or not speeds or len(speeds) < len(keys):
        return None
    return rounded(1000 / math.exp(sum(map(math.log, speeds)) / len(speeds)))


def _row(field: BoardField, model: str) -> Row:
    """What a card says; numbers are filled in by others."""
    entry = field.entries[model]
    card = entry.card
    corpora = [stage.dataset or f"{stage.other}" for stage in card.pretraining]
    return Row(
        model=model,
        backbone=card.backbone,
        method=card.method,
        pretrained_on=" then ".join(corpora) or None,
        encoder_digest=card.weights.encoder_digest if card.weights and not card.scratch else None,
        rank=None,
        rank_high=None,
        relative_error=None,
        gain=None,
        tasks=0,
        overlap=sum(field.tasks[task].entry.id in corpora for task in field.cells[model]),
        warnings=[],
        tier=entry.receipt.tier,
        parameters=card.parameters,
        seconds=_seconds(field, model),
        device=card.cost.device if card.cost else None,
        withdrawn=entry.withdrawn,
    )


def _sources(field: BoardField) -> list[BoardDataset]:
    """Records behind the board; of several versions of them, each."""
    grouped: dict[tuple[str, str, str, str], dict[str, None]] = {}
    builds: dict[tuple[str, str, str, str], str] = {}
    for model in field.live:
        for task, cell in field.cells[model].items():
            ref = field.tasks[task]
            key = (ref.entry.id, ref.dataset.version, ref.scheme_name, cell.data[1])
            grouped.setdefault(key, {})[task] = None
            builds.setdefault(key, cell.data[0])
    names = ("dataset", "version", "scheme", "split_digest")
    return [
        BoardDataset(**dict(zip(names, key, strict=True)), digest=builds[key], tasks=sorted(tasks))
        for key, tasks in sorted(grouped.items())
    ]


def _ratio(log: float, width: float) -> Number:
    ends = (math.exp(log - width), math.exp(log + width)) if math.isfinite(width) else (None, None)
    return Number(value=rounded(math.exp(log)), low=rounded(ends[0]), high=rounded(ends[1]))


def _share(estimate: Estimate, i: int, widths: np.ndarray) -> Number | None:
    """Share of another's error that is gone, from a difference of logarithms, which turns its ends around."""
    log, width = float(np.asarray(estimate.value)[i]), float(widths[i])
    if not math.isfinite(log):
        return None
    low, high = (-math.expm1(log + width), -math.expm1(log - width)) if math.isfinite(width) else (None, None)
    return Number(value=rounded(-math.expm1(log)), low=rounded(low), high=rounded(high))


def _gain(estimate: Estimate, i: int, widths: np.ndarray, p: np.ndarray) -> Difference | None:
    share = _share(estimate, i, widths)
    if share is None:
        return None
    known = share.low is not None
    verdict: Verdict = "needs more seeds" if not known else "="
    if known and p[i] < SIGNIFICANT:
        verdict = "better" if share.value > 0 else "worse"
    return Difference(
        **share.model_dump(),
        p=rounded(float(p[i])) if known else None,
        p_adjusted=None,
        verdict=verdict,
        detectable=None,
        detectable_later=None,
    )


def rounded(value: float | None) -> float | None:
    """Six significant digits: what differs beyond them between machines is noise."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def _known(value: int | None) -> float:
    return math.nan if value is None else float(value)
