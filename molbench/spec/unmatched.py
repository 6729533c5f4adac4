"""A pattern that no task matches: why, and what was perhaps meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molbench.errors import UserError, closest

if TYPE_CHECKING:
    from molbench.spec.catalogue import Catalogue


def unmatched(catalogue: Catalogue, pattern: str) -> UserError:
    """The error that a pattern matches no task."""
    return UserError(f"no task matches '{pattern}'{_meant(catalogue, pattern)}; see `molbench list tasks`")


def _meant(catalogue: Catalogue, pattern: str) -> str:
    bare, at, _ = pattern.partition("@")
    schemes = {s for ref in catalogue.matches(bare) for s in [ref.task.scheme, *ref.task.schemes]}
    if at and schemes:
        return f"; schemes of '{bare}': {', '.join(sorted(schemes))}"
    dataset, slash, name = bare.partition("/")
    there = catalogue.find(dataset) if dataset in catalogue.entries else None
    if there is not None and not there.tasks.tasks:
        return f": '{dataset}' has no labels, and so no tasks; it is there to pretrain on"
    if not slash:
        return f" (did you mean '{bare}/*'?)" if bare in catalogue.entries else ""
    close = dataset if dataset in catalogue.entries else closest(dataset, catalogue.entries)
    entry = None if close is None else catalogue.find(close)
    if entry is None:
        return ""
    task = name if "*" in name else closest(name, entry.tasks.tasks) or "*"
    return f" (did you mean '{entry.id}/{task}'?)"
