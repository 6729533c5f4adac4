"""The page of a dataset: what it holds, how it is split, and what is asked of it."""

from __future__ import annotations

from molbench.data.audit.tables import label_rows, scheme_rows
from molbench.leaderboard.records import Records
from molbench.site.facts import Facts
from molbench.site.templating import render


def dataset_page(records: Records, name: str, facts: Facts) -> str:
    """The page of one dataset of the boards."""
    entry = facts.catalogue.entries.get(name)
    audit = facts.audit(entry.folder) if entry and entry.built else None
    tasks = [task for task in records.by_task if _dataset(task) == name]
    return render(
        "dataset.html",
        root="../",
        boards=records.boards,
        name=name,
        dataset=entry.dataset if entry else None,
        audit=audit,
        schemes=scheme_rows(audit) if audit else None,
        labels=label_rows(audit) if audit else None,
        tasks=[(task, facts.task(task)) for task in tasks],
    )


def datasets_page(records: Records, facts: Facts) -> str:
    """All datasets of the boards."""
    entries = [(name, facts.catalogue.entries.get(name)) for name in datasets(records)]
    return render("datasets.html", root="", boards=records.boards, entries=entries)


def datasets(records: Records) -> list[str]:
    """Ids of the datasets that a board has a task of, sorted."""
    return sorted({_dataset(task) for task in records.by_task})


def _dataset(task: str) -> str:
    return task.partition("/")[0]
