"""All pages of the boards, written as a folder that appears whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from molbench.atomic import replace_folder
from molbench.errors import UserError
from molbench.leaderboard.records import RECORDS_FILE, Records
from molbench.leaderboard.table import Table
from molbench.site import comparison
from molbench.site.dataset_page import dataset_page, datasets, datasets_page
from molbench.site.drawings import Drawings
from molbench.site.evidence import Evidence
from molbench.site.facts import Facts
from molbench.site.feeds import atom_feed, json_feed
from molbench.site.labels import labels_of
from molbench.site.model_page import model_page
from molbench.site.overview import board_page, index_page
from molbench.site.task_page import task_page
from molbench.site.templating import asset, slug
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import FINGERPRINT


def refuse_other_pages(folder: Path) -> None:
    """Refuse a folder that somebody else filled, which :func:`write_site` would replace.

    Raises:
        UserError: If there is anything in it and it is no site of boards.
    """
    if folder.is_dir() and not (folder / RECORDS_FILE).is_file() and any(folder.iterdir()):
        raise UserError(
            f"{folder}: has other files than pages of boards, which would be lost; choose another --output"
        )


def write_site(records: Records, evidence: Evidence, catalogue: Catalogue, folder: Path) -> None:
    """Write the pages; the same records and results give the same bytes.

    Args:
        records: Every number.
        evidence: The results they were computed from.
        catalogue: What tasks and datasets there are.
        folder: What it becomes; whatever was there is replaced.
    """
    facts = Facts(catalogue)
    with replace_folder(folder) as site:
        records.write(site)
        _text(site / "index.html", index_page(records))
        _text(site / "feed.json", json_feed(records))
        _text(site / "feed.xml", atom_feed(records))
        for table in records.boards:
            compared = comparison.of_board(table, evidence)
            _text(site / "boards" / f"{slug(table.name)}.html", board_page(records, table, compared))
            _write_comparisons(table, evidence, compared, site)
        drawings = Drawings(site / "drawings")
        for card in records.cards:
            page = model_page(records, card, evidence, facts, drawings)
            _text(site / "models" / f"{slug(card.model)}.html", page)
        _write_tasks(records, evidence, facts, site)
        _text(site / "datasets.html", datasets_page(records, facts))
        for name in datasets(records):
            _text(site / "datasets" / f"{slug(name)}.html", dataset_page(records, name, facts))


def _write_comparisons(table: Table, evidence: Evidence, compared: dict[str, Any], site: Path) -> None:
    for row in table.rows:
        runs = evidence.of_model(row.model, (table.protocol["name"], FINGERPRINT))
        data = {
            task: comparison.of_model(runs[task], evidence.records(task))
            for task in compared["tasks"]
            if task in runs
        }
        _script(site / "data" / slug(table.name) / f"{slug(row.model)}.js", data)


def _write_tasks(records: Records, evidence: Evidence, facts: Facts, site: Path) -> None:
    decoder = str(asset("vendor/parquet.js"))
    _text(site / "parquet.js", f'{decoder}molbench.data["../parquet.js"]=parquet;\n')
    for name in records.by_task:
        labels = labels_of(name, records, evidence, facts)
        if labels:
            _script(site / "data" / "labels" / f"{slug(name)}.js", labels)
        page = task_page(records, name, facts, labels)
        _text(site / "tasks" / f"{slug(name)}.html", page)


def _script(path: Path, data: Any) -> None:
    """Data for a page in a folder beside ``data``, which asks for them by ``../data/…``."""
    _text(path, comparison.script(f"../data/{path.parent.name}/{path.name}", data))


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
