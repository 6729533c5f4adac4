"""A table as Markdown, CSV and JSON; the same table gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from molbench.escape import csv_cell, markdown
from molbench.leaderboard.reproduced import Reproduction
from molbench.leaderboard.score import Difference, Number, Score
from molbench.leaderboard.table import Row, Table
from molbench.numbers import ARROWS, interval, plain, plus_minus, probabilities, share, spread
from molbench.spec.fingerprint import FINGERPRINT

_RANKING_NOTE = (
    "*Relative error*: geometric mean over tasks of the error divided by that of predicting one constant; "
    "lower is better; absent where a task is missing. *Rank*: one more than the number of models that are "
    "told to be better on the tasks that both have, adjusted for all pairs; ties share a rank; beside it "
    "the last place the model may have; rows are in the order of the middle of both, or of mean rank where "
    "the board says so. *Gain*: share of the error of the same backbone from scratch that "
    "pretraining removes. *Mean rank*: over the model's tasks. *Skill*: share of the error of boosted trees "
    "on fingerprints that is removed. *First*: share of random weightings of the tasks in which the model "
    "is first. ● no model with fewer weights has a smaller error. Tasks of one group weigh as one. "
    "Intervals are of 95 %, over test records in their clusters and over seeds. *Tier*: reported, re-scored "
    "from predictions, or re-run from the weights."
)
_PUBLISHED_NOTE = (
    "As papers print them, in the units of the tasks; never ranked. *Same protocol* says whether the number "
    "was made as this project makes it; what ± is, and what was read, stands in `leaderboards/reported/`."
)
_AGAIN_NOTE = (
    "The same encoder and objective as scored here: deviation from the published number, and how often "
    "fine-tuning saw each training record, as a share of the published recipe's. Pretraining differs, too."
)
_AGAIN = ["model", "paper", "task", "published", "made again by", "score"]
_RANKING = [
    "rank",
    "95 %",
    "model",
    "backbone",
    "pretraining",
    "relative error",
    "gain over scratch",
    "tasks",
    "mean rank",
    "skill",
    "first",
    "weights",
    "tier",
]
_SCORES_NOTE = (
    "Mean over seeds ± half-width of the 95 % interval over test records and seeds, in brackets the standard "
    "deviation over seeds. ▲ better and ▼ worse than the same backbone from scratch, adjusted p < 0.05; "
    "△ different, but of too few or too skewed records to be relied on; ? one seed shows nothing. "
    "*Detectable*: smallest true difference to scratch that is found in 80 % of repetitions, and with more "
    "seeds."
)
_FINGERPRINT_NOTE = " ◇ loses to the fingerprint baseline, likewise."
#: Fields of a score that are no single value.
_NESTED = {"keys"}
#: What stands behind a score for each verdict.
MARKS = {"better": " ▲", "worse": " ▼", "few records": " △", "needs more seeds": " ?", "=": ""}


def to_json(table: Table) -> str:
    """Everything."""
    return json.dumps(table.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(table: Table) -> str:
    """One line a task and model."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in Score.model_fields if not name.startswith("over_") and name not in _NESTED]
    deltas = ["over_scratch", *(["over_fingerprint"] if _has_fingerprint(table) else [])]
    ends = list(Difference.model_fields)
    writer.writerow([*names, *(f"{name}_{end}" for name in deltas for end in ends)])
    for score in table.scores:
        values = [getattr(score, name) for name in names]
        for delta in (getattr(score, name) for name in deltas):
            values += [getattr(delta, end) for end in ends] if delta else [None] * len(ends)
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
            _RANKING,
            [_ranking(row, len(table.tasks) + len(table.missing)) for row in table.rows],
        ),
        _RANKING_NOTE + _detectable_difference(table),
        "## Scores",
        _scores(table),
        _SCORES_NOTE + (_FINGERPRINT_NOTE if _has_fingerprint(table) else ""),
        *_published(table),
        *_warnings(table),
        *_withdrawn(table),
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
    cautions = []
    if table.partial:
        cautions.append(
            "**Records of the complete datasets are missing, so nothing is ranked: compare these scores with "
            "nothing else.**"
        )
    if table.missing:
        cautions.append(f"No results yet: {', '.join(map(markdown, table.missing))}.")
    return cautions


def _warnings(table: Table) -> list[str]:
    warnings = [
        f"* {markdown(row.model)} on {markdown(warning)}" for row in table.rows for warning in row.warnings
    ]
    seen = [
        f"* {markdown(row.model)} was pretrained on records of the dataset of {row.overlap} of the tasks"
        for row in table.rows
        if row.overlap
    ]
    return ["## Notes", "\n".join(seen + warnings)] if seen or warnings else []


def _ranking(row: Row, tasks: int) -> list[str]:
    return [
        "-" if row.rank is None else str(row.rank),
        "" if row.rank is None else f"{row.rank}-{row.rank_high}",
        markdown(row.model),
        markdown(row.backbone),
        markdown(pretraining(row)),
        "" if row.relative_error is None else estimate(row.relative_error),
        "" if row.gain is None else gain(row.gain),
        f"{row.tasks}/{tasks}",
        "" if row.mean_rank is None else plain(row.mean_rank, 3),
        "" if row.skill is None else f"{100 * row.skill.value:+.0f} %",
        "" if row.first is None else f"{100 * row.first:.0f} %",
        ("" if row.parameters is None else f"{row.parameters:,}") + (" ●" if row.pareto else ""),
        row.tier or "",
    ]


def published_lines(table: Table) -> tuple[list[str], list[tuple[tuple[str, str, str, str], list[str]]]]:
    """Numbers of papers, one line a row of one of their tables.

    Returns:
        The tasks that have any; then, of each line, model, paper, table and whether the protocol is the
        same, and one text a task, empty where there is none.
    """
    lines: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for score in table.published:
        source = score.publication
        key = (score.model, source.paper, source.table, source.protocol_match)
        spread_of = "" if score.spread is None else f" ± {plain(score.spread, 2)}"
        lines.setdefault(key, {})[score.task] = plain(score.value) + spread_of
    tasks = sorted({score.task for score in table.published}, key=[*table.tasks, *table.missing].index)
    return tasks, [(key, [numbers.get(task, "") for task in tasks]) for key, numbers in lines.items()]


def _published(table: Table) -> list[str]:
    tasks, lines = published_lines(table)
    if not lines:
        return []
    header = ["model", "paper", "table", "same protocol", *map(markdown, tasks)]
    cells = [[*map(markdown, key), *numbers] for key, numbers in lines]
    again = [
        [
            *map(markdown, (score.model, score.publication.paper, score.task)),
            plain(score.value),
            markdown(reproduction.model),
            made_again(reproduction),
        ]
        for score in table.published
        for reproduction in score.reproductions
    ]
    parts = ["## Published", _PUBLISHED_NOTE, _grid(header, cells)]
    return [*parts, _AGAIN_NOTE, _grid(_AGAIN, again)] if again else parts


def made_again(reproduction: Reproduction) -> str:
    """``24.2 ± 0.31 (+3.1 %, 0.27 of the budget)``."""
    share = reproduction.budget
    budget = "budget not known" if share is None else f"{plain(share, 2)} of the budget"
    score = plus_minus(reproduction.mean, reproduction.half_width)
    return f"{score} ({100 * reproduction.deviation:+.1f} %, {budget})"


def _withdrawn(table: Table) -> list[str]:
    lines = [f"* {markdown(row.model)}: {markdown(row.withdrawn)}" for row in table.rows if row.withdrawn]
    return ["## Withdrawn", "\n".join(lines)] if lines else []


def pretraining(row: Row) -> str:
    """What a model was pretrained with."""
    return "none" if row.method is None else f"{row.method} on {row.pretrained_on or 'unknown data'}"


def estimate(number: Number) -> str:
    """``0.412 (0.401 … 0.420)``."""
    return f"{plain(number.value, 3)} ({interval(number.low, number.high, 3)})"


def gain(difference: Difference) -> str:
    """``+12.1 % (10.0 … 14.2), p = 0.013: better``."""
    if difference.low is None or difference.high is None:
        return f"{100 * difference.value:+.1f} %: {difference.verdict}"
    ends = " … ".join(f"{100 * end:+.1f}" for end in (difference.low, difference.high))
    p = probabilities(difference.p, difference.p_adjusted)
    says = f"p < {p[1:]}" if p.startswith("<") else f"p = {p}"
    return f"{100 * difference.value:+.1f} % ({ends}), {says}: {difference.verdict}"


def _detectable_difference(table: Table) -> str:
    if table.detectable is None:
        return ""
    smallest = share(table.detectable, table.detectable_later, table.more_seeds)
    return f" *Smallest detectable difference* of two relative errors: {smallest}."


def _scores(table: Table) -> str:
    models = [row.model for row in table.rows]
    score_of = {(score.task, score.model): score for score in table.scores}
    lines = []
    for task in table.tasks:
        task_scores = [score_of.get((task, model)) for model in models]
        example = next(score for score in task_scores if score is not None)
        metric = f"{example.metric} {ARROWS[example.direction]}"
        scores = [_score(score) for score in task_scores]
        lines.append(
            [markdown(task), metric, example.unit, *scores, _detectable(task_scores, table.more_seeds)]
        )
    return _grid(["task", "metric", "unit", *map(markdown, models), "detectable"], lines)


def _score(score: Score | None) -> str:
    if score is None:
        return ""
    over_seeds = "" if score.spread is None else f" ({spread(score.spread, score.mean)})"
    mark = MARKS[score.over_scratch.verdict] if score.over_scratch else ""
    loses = score.over_fingerprint is not None and score.over_fingerprint.verdict == "worse"
    return plus_minus(score.mean, score.half_width) + over_seeds + mark + (" ◇" if loses else "")


def _detectable(scores: Sequence[Score | None], more_seeds: int) -> str:
    """Of the comparison with scratch that shows least, as a share of scratch's score."""
    shares = [
        (delta.detectable / base, delta.detectable_later / base)
        for score in scores
        if score and (delta := score.over_scratch) and (base := abs(score.mean - delta.value))
        if delta.detectable is not None and delta.detectable_later is not None
    ]
    return share(*max(shares), more_seeds) if shares else ""


def _has_fingerprint(table: Table) -> bool:
    return any(row.model == FINGERPRINT for row in table.rows)


def _grid(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
