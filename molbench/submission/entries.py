"""Results that are packed: checked, and written as files of predictions with their lines of the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from molbench.errors import UserError
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.result import Stored, doubles, result_files
from molbench.evaluation.trust import Trust, why_unread
from molbench.spec.catalogue import Catalogue
from molbench.submission.cost import speed_of
from molbench.submission.folder import CARD, described_file
from molbench.submission.predictions import write_predictions

#: Bytes up to which a file lies in the folder where an address for larger ones is given.
SMALL = 1 << 20
_HEAD = """\
# Written by `molbench submit pack`; check changes with `molbench submit validate`.
# `unit` is that of the predictions in the files, `value` the task's first metric in the unit of that metric.
"""
LONGEST_LIST = 5


@dataclass(frozen=True)
class Elsewhere:
    """Where files above 1 MiB go.

    Attributes:
        prefix: Address below which they will lie.
        folder: Where they are left, to be uploaded.
    """

    prefix: str
    folder: Path

    @classmethod
    def beside(cls, submission: Path, prefix: str | None) -> Elsewhere | None:
        """Beside the families of submissions; None without a prefix, and all stays in the submission."""
        path = submission.resolve()
        return None if prefix is None else cls(prefix, path.parents[1] / "upload" / path.name)


def checked_results(root: Path) -> list[Stored]:
    """The results of one model, each of which holds against the catalogue.

    Raises:
        UserError: If there are none, they are of several models or weights, or one does not hold.
    """
    trust, results, problems = Trust(Catalogue.load()), [], []
    for path in result_files(root):
        try:
            results.append(trust.check(Stored.read(path.parent)))
        except Exception as error:  # noqa: BLE001 - a file of a stranger; all that are wrong are told
            problems.append(f"  {path.parent}: {why_unread(error)}")
    problems += [f"  {folder}: {why}" for folder, why in doubles(results).items()]
    if problems:
        more = f"\n  … and {len(problems) - LONGEST_LIST} more" if len(problems) > LONGEST_LIST else ""
        raise UserError("results that do not hold:\n" + "\n".join(problems[:LONGEST_LIST]) + more)
    if not results:
        raise UserError(f"{root}: holds no result; `molbench evaluate CHECKPOINT --output {root}` makes some")
    names = sorted({stored.result.checkpoint.name for stored in results})
    if len(names) > 1:
        raise UserError(f"{root}: holds results of {', '.join(names)}; pack one at a time: {root / names[0]}")
    encoders = {
        item.result.checkpoint.encoder_digest for item in results if not item.result.checkpoint.scratch
    }
    if len(encoders) > 1:
        raise UserError(f"{root}: holds results of different weights; evaluate one of them again")
    return results


def by_row(stored: Sequence[Stored]) -> dict[tuple[str, str], dict[int, Stored]]:
    """Results by seed, of each task and protocol."""
    rows: dict[tuple[str, str], dict[int, Stored]] = {}
    for item in stored:
        key = item.result.task.id, item.result.protocol.name
        rows.setdefault(key, {})[item.result.seed] = item
    return dict(sorted(rows.items()))


def named_rows(rows: Sequence[tuple[str, str]]) -> str:
    """Some rows for a message, the first of them by name."""
    listed = ", ".join(f"{task} ({protocol})" for task, protocol in rows[:LONGEST_LIST])
    return listed + (f" and {len(rows) - LONGEST_LIST} more" if len(rows) > LONGEST_LIST else "")


def write_entries(
    folder: Path, stored: Sequence[Stored], elsewhere: Elsewhere | None, *, measured: bool
) -> list[dict[str, Any]]:
    """Write predictions below a folder.

    Args:
        folder: Of a submission.
        stored: Of one model.
        elsewhere: Where large files go; None keeps all in the folder.
        measured: Whether their speeds are comparable.

    Returns:
        Their lines of the card, by task and protocol.
    """
    return [_entry(folder, row, elsewhere, measured=measured) for row in by_row(stored).values()]


def _entry(
    folder: Path, row: Mapping[int, Stored], elsewhere: Elsewhere | None, *, measured: bool
) -> dict[str, Any]:
    first = row[min(row)].result
    predictions: dict[int, Predictions] = {seed: item.predictions for seed, item in row.items()}
    path = folder / "predictions" / first.task.id / f"{first.protocol.name}.parquet"
    write_predictions(path, predictions)
    url = None
    if elsewhere and path.stat().st_size > SMALL:
        name = f"{first.task.id.replace('/', '-')}-{first.protocol.name}.parquet"
        elsewhere.folder.mkdir(parents=True, exist_ok=True)
        path = path.replace(elsewhere.folder / name)
        url = f"{elsewhere.prefix.rstrip('/')}/{name}"
    some = predictions[min(row)]
    speed = speed_of([item.result for item in row.values()]) if measured else None
    return {
        "task": first.task.id,
        "protocol": first.protocol.name,
        "unit": some.unit,
        **({"force_unit": some.forces.unit} if some.forces else {}),
        "seeds": sorted(row),
        "value": float(f"{sum(item.result.primary.value for item in row.values()) / len(row):.6g}"),
        "split": first.task.split_digest,
        **({"speed": speed} if speed else {}),
        **described_file(path, folder, url),
    }


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``submission.yaml``."""
    text = yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    (folder / CARD).write_text(_HEAD + text, encoding="utf-8")
