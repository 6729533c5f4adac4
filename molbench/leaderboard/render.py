"""A table as Markdown, CSV and JSON; the same table gives the same bytes."""

from __future__ import annotations

import csv
import io
import json

from molbench.escape import csv_cell, markdown
from molbench.leaderboard.numbers import interval, plain, plus_minus
from molbench.leaderboard.table import Number, Row, Score, Table
from molbench.spec.fingerprint import FINGERPRINT

_RANKING_NOTE = (
    "*Relative error*: geometric mean over tasks of the error divided by that of predicting one constant; "
    "lower is better. *Rank*: one more than the number of models that are significantly better (p < 0.05); "
    "ties share a rank; beside it the interval of the rank. *Gain*: share of the error of the same "
    "backbone from scratch that pretraining removes. Intervals and p-values: paired bootstrap over test "
    "records and seeds."
)
_SCORES_NOTE = (
    "Mean over seeds ± standard deviation over seeds. ▲ better and ▼ worse than the same backbone from "
    "scratch, p < 0.05."
)
_FINGERPRINT_NOTE = " ◇ loses to the fingerprint baseline, p < 0.05."
_ARROWS = {"lower": "↓", "higher": "↑"}


def to_json(table: Table) -> str:
    """Everything."""
    return json.dumps(table.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(table: Table) -> str:
    """One line a task and model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in Score.model_fields if not name.startswith("over_")]
    deltas = ["over_scratch", *(["over_fingerprint"] if _has_fingerprint(table) else [])]
    writer.writerow([*names, *(f"{name}{end}" for name in deltas for end in ("", "_low", "_high", "_p"))])
    for score in table.scores:
        values = [getattr(score, name) for name in names]
        for delta in (getattr(score, name) for name in deltas):
            values += [delta.value, delta.low, delta.high, delta.p] if delta else [None] * 4
        writer.writerow(map(csv_cell, values))
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A page: what it is, the ranking, the scores behind it, how to make it again."""
    parts = [
        f"# {markdown(table.title)}",
        markdown(table.description),
        *_cautions(table),
        "## Ranking",
        _grid(
            [
                "rank",
                "95 %",
                "model",
                "backbone",
                "pretraining",
                "relative error",
                "gain over scratch",
                "tasks",
            ],
            [_ranking(row, len(table.tasks) + len(table.missing)) for row in table.rows],
        ),
        _RANKING_NOTE,
        "## Scores",
        _scores(table),
        _SCORES_NOTE + (_FINGERPRINT_NOTE if _has_fingerprint(table) else ""),
        *_warnings(table),
        "## How it was made",
        "```\n" + "\n".join(table.commands) + "\n```",
        f"Protocol `{table.protocol['name']}`, version {table.protocol['version']}; evaluation version "
        f"{table.evaluation}.",
        _grid(
            ["dataset", "version", "records", "scheme", "split", "tasks"],
            [
                [
                    s.dataset,
                    s.version,
                    f"`{s.digest[:12]}`",
                    s.scheme,
                    f"`{s.split_digest[:12]}`",
                    str(len(s.tasks)),
                ]
                for s in table.sources
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _cautions(table: Table) -> list[str]:
    found = []
    if table.partial:
        found.append(
            "**Records of the complete datasets are missing: compare these scores with nothing else.**"
        )
    if table.missing:
        found.append(f"No results yet, so nothing is ranked: {', '.join(map(markdown, table.missing))}.")
    return found


def _warnings(table: Table) -> list[str]:
    found = [
        f"* {markdown(row.model)} on {markdown(warning)}" for row in table.rows for warning in row.warnings
    ]
    seen = [
        f"* {markdown(row.model)} was pretrained on records of the dataset of {row.overlap} of the tasks"
        for row in table.rows
        if row.overlap
    ]
    return ["## Notes", "\n".join(seen + found)] if seen or found else []


def _ranking(row: Row, tasks: int) -> list[str]:
    return [
        "-" if row.rank is None else str(row.rank),
        "" if row.rank is None else f"{row.rank_low}-{row.rank_high}",
        markdown(row.model),
        markdown(row.backbone),
        markdown(pretraining(row)),
        "" if row.relative_error is None else estimate(row.relative_error),
        "" if row.gain is None else gain(row.gain),
        f"{row.tasks}/{tasks}",
    ]


def pretraining(row: Row) -> str:
    """What a model was pretrained with."""
    return "none" if row.method is None else f"{row.method} on {row.pretrained_on or 'unknown data'}"


def estimate(number: Number) -> str:
    """``0.412 (0.401 … 0.420)``."""
    return f"{plain(number.value, 3)} ({interval(number.low, number.high, 3)})"


def gain(number: Number) -> str:
    """``+12.1 % (10.0 … 14.2), p = 0.001``."""
    ends = " … ".join(f"{100 * end:+.1f}" for end in (number.low, number.high))
    return f"{100 * number.value:+.1f} % ({ends}), p = {number.p:.3f}"


def _scores(table: Table) -> str:
    models = [row.model for row in table.rows]
    found = {(score.task, score.model): score for score in table.scores}
    lines = []
    for task in table.tasks:
        own = [found.get((task, model)) for model in models]
        example = next(score for score in own if score is not None)
        metric = f"{example.metric} {_ARROWS[example.direction]}"
        lines.append([markdown(task), metric, example.unit, *(_score(score) for score in own)])
    return _grid(["task", "metric", "unit", *map(markdown, models)], lines)


def _score(score: Score | None) -> str:
    if score is None:
        return ""
    mark = {True: " ▲", False: " ▼", None: ""}[_better(score, score.over_scratch)]
    loses = _better(score, score.over_fingerprint) is False
    return plus_minus(score.mean, score.std) + mark + (" ◇" if loses else "")


def _better(score: Score, delta: Number | None) -> bool | None:
    """Whether a difference is one for the better; None where it is likely none."""
    if delta is None or delta.p is None or delta.p >= 0.05:
        return None
    return (delta.value < 0) == (score.direction == "lower")


def _has_fingerprint(table: Table) -> bool:
    return any(row.model == FINGERPRINT for row in table.rows)


def _grid(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
