"""A report as a table: for pandas, for a notebook, and to be printed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from molbench.escape import html, visible
from molbench.numbers import ARROWS, plus_minus, signed

if TYPE_CHECKING:
    import pandas as pd

    from molbench.evaluation.report import Report
    from molbench.evaluation.summary import SummaryRow

_DELTAS = ("delta", "over_fingerprint")
_TITLES = ("task", "metric", "unit", "model", "score ± 95 %", "over scratch ± 95 %", "")


def to_pandas(report: Report) -> pd.DataFrame:
    """See :meth:`~molbench.evaluation.report.Report.to_pandas`."""
    import pandas as pd

    return pd.DataFrame([_flat(summary) for summary in report.rows])


def _flat(summary: SummaryRow) -> dict[str, Any]:
    fields = asdict(summary)
    for name in _DELTAS:
        delta = fields.pop(name)
        fields |= {name: None} if delta is None else {name: delta.pop("value")}
        fields |= {f"{name}_{key}": value for key, value in (delta or {}).items()}
    return fields


def to_html(report: Report) -> str:
    """A row a model and task, then what is to be known of some, and what there is no score of."""
    head = "".join(f"<th>{html(title)}</th>" for title in _TITLES)
    body = "".join(
        "<tr>" + "".join(f"<td>{html(text)}</td>" for text in _texts(summary)) + "</tr>"
        for summary in report.rows
    )
    notes = "".join(f"<li>{html(line)}</li>" for line in _notes(report))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"{table}<ul>{notes}</ul>" if notes else table


def to_text(report: Report) -> str:
    """The same in lines."""
    cells = [_TITLES, *(tuple(map(visible, _texts(summary))) for summary in report.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rows = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    return "\n".join([*rows, *map(visible, _notes(report))])


def _notes(report: Report) -> list[str]:
    missing = [f"{outcome.run.label}: {outcome.error}" for outcome in report.failures]
    missing += [f"{item.candidate} on {item.task}: {item.reason}" for item in report.not_applicable]
    missing += [f"refused: {refusal}" for refusal in report.refusals]
    missing += [f"damaged: {folder}: {why}" for folder, why in report.damaged.items()]
    marks = [
        f"warning: {summary.candidate} on {summary.task}: {warning}"
        for summary in report.rows
        for warning in summary.warnings
    ]
    return marks + missing


def _texts(summary: SummaryRow) -> tuple[str, ...]:
    delta = summary.delta
    return (
        summary.task,
        f"{summary.metric} {ARROWS[summary.direction]}",
        summary.unit,
        summary.candidate,
        plus_minus(summary.mean, summary.half_width),
        signed(delta.value, summary.mean, delta.half_width) if delta else "",
        delta.verdict if delta else "",
    )
