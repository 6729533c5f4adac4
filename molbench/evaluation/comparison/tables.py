"""A comparison as text: Markdown, LaTeX, CSV, JSON and HTML; names are escaped for each of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from molbench.escape import csv_cell, html, latex, markdown
from molbench.evaluation.comparison.compare import Comparison, TaskDifference, plain_row
from molbench.numbers import ARROWS, plain, plus_minus, probabilities

#: Titles of columns that hold words.
TEXTS = {"task", "protocol", "metric", "unit", "against", "verdict"}
NOTE = (
    "Difference: the first model's score minus the other's, with the half-width of its 95 % interval over "
    "test records, in their clusters, and seeds. p: raw, and adjusted by Holm's method for all rows. Better "
    "or worse: adjusted p below 0.05; = : not told apart. Detectable: true difference that this table would "
    "find in 80 % of repetitions."
)


def header(comparison: Comparison) -> list[str]:
    """Titles of the columns; protocol and the other model's name are among them where there are several."""
    compared = ["first", "other", "difference ± 95 %", "p (adjusted)", "verdict", "detectable"]
    protocol = ["protocol"] if _several_protocols(comparison) else []
    against = ["against"] if len(comparison.pairs) > 1 else []
    return ["task", *protocol, "metric", "unit", *against, *compared]


def _several_protocols(comparison: Comparison) -> bool:
    return len({row.protocol for row in comparison.rows}) > 1


def cells(comparison: Comparison, row: TaskDifference) -> list[str]:
    """Plain text of a row, in the order of :func:`header`."""
    several, delta = len(comparison.pairs) > 1, row.delta
    sign = "+" if delta.value > 0 else ""
    return [
        row.task,
        *([row.protocol] if _several_protocols(comparison) else []),
        f"{row.metric} {ARROWS[row.direction]}",
        row.unit,
        *([row.b] if several else []),
        plain(row.mean_a),
        plain(row.mean_b),
        f"{sign}{plus_minus(delta.value, delta.half_width, 3)}",
        probabilities(delta.p, delta.p_adjusted),
        delta.verdict,
        "?" if delta.detectable is None else plain(delta.detectable, 2),
    ]


def sentences(comparison: Comparison) -> list[str]:
    """Plain text of what stands below the table: tallies, what was left out, what else differs."""
    lines = []
    for pair in comparison.pairs:
        tally = comparison.tally(pair)
        untold = f", {tally.untold} untold (one seed shows nothing of its luck)" if tally.untold else ""
        lines.append(
            f"{pair[0]} against {pair[1]}: better in {tally.wins}, not told apart in {tally.ties}, "
            f"worse in {tally.losses} tasks{untold}"
        )
    if few := sorted({row.task for row in comparison.rows if row.delta.verdict == "few records"}):
        lines.append(f"few records: too few, or too skewed, for a verdict on {', '.join(few)}")
    lines += [
        f"differs: {contrast.what}: {contrast.a} ({pair[0]}), {contrast.b} ({pair[1]})"
        for pair, differing in comparison.contrasts.items()
        for contrast in differing
    ]
    lines += [
        f"left out: {left.task}, {left.a} against {left.b}: {left.reason}" for left in comparison.omitted
    ]
    lines += [f"damaged: {folder}: {why}" for folder, why in comparison.damaged.items()]
    return lines


def comparison_markdown(comparison: Comparison) -> str:
    """A table and what stands below it."""
    titles = header(comparison)
    lines = [_row(titles), "|" + " --- |" * len(titles)]
    lines += [_row([markdown(cell) for cell in cells(comparison, row)]) for row in comparison.rows]
    lines += ["", NOTE, "", *(f"* {markdown(line)}" for line in sentences(comparison))]
    return "\n".join(lines) + "\n"


def to_latex(comparison: Comparison) -> str:
    """A ``tabular`` for the booktabs package; what stands below it as comments."""
    titles = header(comparison)
    columns = "".join("l" if title in TEXTS else "r" for title in titles)
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", _latex_row(titles), "\\midrule"]
    lines += [_latex_row(cells(comparison, row)) for row in comparison.rows]
    lines += [
        "\\bottomrule",
        "\\end{tabular}",
        *(f"% {latex(line)}" for line in (NOTE, *sentences(comparison))),
    ]
    return "\n".join(lines) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One line a difference, all digits."""
    text = io.StringIO()
    rows = [plain_row(row) for row in comparison.rows]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        seeds = {name: " ".join(map(str, row[name])) for name in ("seeds_a", "seeds_b")}  # type: ignore[call-overload]
        writer.writerow({name: csv_cell(value) for name, value in (row | seeds).items()})
    return text.getvalue()


def comparison_json(comparison: Comparison) -> str:
    """Everything, in ASCII."""
    pairs = [
        {
            "a": a,
            "b": b,
            **asdict(comparison.tally((a, b))),
            "contrasts": [asdict(item) for item in differing],
        }
        for (a, b), differing in comparison.contrasts.items()
    ]
    content = {
        "differences": [plain_row(row) for row in comparison.rows],
        "pairs": pairs,
        "omitted": [asdict(left) for left in comparison.omitted],
        "damaged": {str(folder): why for folder, why in comparison.damaged.items()},
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def comparison_html(comparison: Comparison) -> str:
    """For notebooks."""
    titles = "".join(f"<th>{html(title)}</th>" for title in header(comparison))
    body = "".join(
        f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in cells(comparison, row))}</tr>"
        for row in comparison.rows
    )
    notes = "".join(f"<li>{html(line)}</li>" for line in sentences(comparison))
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table><ul>{notes}</ul>"


#: Format to its writer; ``table``, for the terminal, is the command line's.
WRITERS: dict[str, Callable[[Comparison], str]] = {
    "md": comparison_markdown,
    "latex": to_latex,
    "csv": comparison_csv,
    "json": comparison_json,
}


def _row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _latex_row(texts: Sequence[str]) -> str:
    return " & ".join(map(latex, texts)) + r" \\"
