"""All pages of the boards, written as a folder that appears whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from molbench.atomic import replace_folder
from molbench.leaderboard.records import Records
from molbench.leaderboard.table import Table
from molbench.site import comparison
from molbench.site.environment import slug
from molbench.site.evidence import Evidence
from molbench.site.overview import board_page, index_page
from molbench.spec.fingerprint import FINGERPRINT


def write_site(records: Records, evidence: Evidence, folder: Path) -> None:
    """Write the pages; the same records and results give the same bytes.

    Args:
        records: Every number.
        evidence: The results they were computed from.
        folder: What it becomes; whatever was there is replaced.
    """
    with replace_folder(folder) as site:
        records.write(site)
        _text(site / "index.html", index_page(records))
        for table in records.boards:
            compared = comparison.of_board(table, evidence)
            _text(site / "boards" / f"{slug(table.name)}.html", board_page(records, table, compared))
            _write_comparisons(table, evidence, compared, site)


def _write_comparisons(table: Table, evidence: Evidence, compared: dict[str, Any], site: Path) -> None:
    for row in table.rows:
        runs = evidence.of_model(row.model, (table.protocol["name"], FINGERPRINT))
        data = {
            task: comparison.of_model(runs[task], evidence.records(task))
            for task in compared["tasks"]
            if task in runs
        }
        name = f"{slug(row.model)}.js"
        _text(
            site / "data" / slug(table.name) / name, comparison.script(f"{compared['folder']}/{name}", data)
        )


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
