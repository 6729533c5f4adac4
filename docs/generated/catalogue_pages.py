"""The catalogue: a page with all datasets, and one on each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

HEAD = """# Datasets

What is declared in `datasets/`: where each dataset comes from, how it is split, and which tasks it has. Those
called `xtb-…` come with the package and are read offline; `molbench data build NAME` makes any other from its
official files, whose checksums are compared. How splits were checked on real files is told in
[audits](../datasets.md).

![Random splits interpolate; others ask for unseen molecules, pairs or times](../images/splits.svg)
"""


def catalogue_pages() -> Iterator[tuple[str, str]]:
    """File name and Markdown of each page."""
    from molbench.spec.catalogue import Catalogue

    catalogue = Catalogue.load()
    # Those of the repository as it declares them, not what is built on this machine or is its user's own.
    declared = (entry.declared for entry in catalogue.entries.values())
    entries = [*{entry.id: entry for entry in declared if entry is not None}.values()]
    rows = [
        f"| [{e.id}]({e.id}.md) | {e.dataset.title} | {e.dataset.record} | {_count(e.dataset)} "
        f"| {len(e.tasks.tasks)} | {_cell(e.dataset.licence)} |"
        for e in entries
    ]
    suites = [
        f"| `{n}` | {len(catalogue.tasks(suite=n))} | {_cell(s.description)} |"
        for n, s in catalogue.suites.items()
    ]
    index = [
        HEAD,
        _table(["dataset", "title", "record", "records", "tasks", "licence"], rows),
        "## Suites\n\nLists of tasks that are scored together, `molbench evaluate --suite NAME`.",
        _table(["suite", "tasks", "what it is for"], suites),
    ]
    yield "catalogue/index.md", "\n\n".join(index) + "\n"
    for entry in entries:
        yield f"catalogue/{entry.id}.md", "\n\n".join(_dataset(entry)) + "\n"


def _dataset(entry: Any) -> Iterator[str]:
    dataset = entry.dataset
    yield f"# {entry.id}\n\n**{dataset.title}.** {_text(dataset.summary)}"
    facts = {
        "record": dataset.record,
        "records": _count(dataset),
        "level of theory": dataset.level_of_theory,
        "identity": dataset.identity,
        "licence": dataset.licence,
        "homepage": f"<{dataset.homepage}>" if dataset.homepage else None,
        "version": dataset.version,
    }
    yield _table(["", ""], [f"| {name} | {_cell(value)} |" for name, value in facts.items() if value])
    yield "```text\n" + _how_to_get(entry) + "\n```"
    if dataset.citation:
        yield "## Papers\n\n" + "\n".join(f"* {_text(paper)}" for paper in dataset.citation)
    columns = [
        (name, one.unit, one.description) for name, one in {**dataset.targets, **dataset.spectra}.items()
    ]
    if dataset.forces:
        columns.append(("forces", dataset.forces.unit, dataset.forces.description))
    yield "## Labels"
    yield _table(
        ["column", "unit", "what it is"], [f"| `{n}` | {_cell(u)} | {_cell(d)} |" for n, u, d in columns]
    )
    if dataset.subsets:
        yield "## Subsets"
        rows = [
            f"| `{n}` | {_number(s.records)} | {_cell(s.description)} |" for n, s in dataset.subsets.items()
        ]
        yield _table(["subset", "records", "what it is"], rows)
    yield "## Splits"
    rows = [
        f"| `{n}` | {s.generator} | {_cell(s.description)} | {_cell(s.source)} | {_cell(s.leaks)} |"
        for n, s in entry.splits.schemes.items()
    ]
    yield _table(["scheme", "generator", "what it does", "from", "leaks, as declared"], rows)
    yield "## Tasks"
    yield from _tasks(entry)


def _tasks(entry: Any) -> Iterator[str]:
    tasks = entry.tasks.tasks
    rows = [
        f"| `{entry.id}/{n}` | {t.kind} | {', '.join(t.metrics)} | {_cell(t.unit)} | {t.scheme} "
        f"| {t.version} | {_cell(t.why)} |"
        for n, t in tasks.items()
    ]
    yield _table(["task", "kind", "metrics, first ranks", "unit", "scheme", "version", "why"], rows)
    caveats = dict.fromkeys(caveat for task in tasks.values() for caveat in task.caveats)
    if caveats:
        yield "Caveats:\n\n" + "\n".join(f"* {_text(one)}" for one in caveats)


def _how_to_get(entry: Any) -> str:
    if entry.dataset.embedded:
        return f'molbench.load_dataset("{entry.id}")    # comes with the package'
    return f"molbench data build {entry.id}"


def _count(dataset: Any) -> str:
    parts = [subset.records for subset in dataset.subsets.values()]
    return _number(dataset.records if not parts else None if None in parts else sum(parts))


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    names = list(head)
    return "\n".join(["| " + " | ".join(names) + " |", "| --- " * len(names) + "|", *rows])


def _cell(value: Any) -> str:
    return "" if value is None else " ".join(_text(str(value)).split()).replace("|", "\\|")


def _text(words: str) -> str:
    """Words in Markdown: what looks like HTML or markup is not."""
    return words.replace("<", "&lt;") if "<http" not in words else words
