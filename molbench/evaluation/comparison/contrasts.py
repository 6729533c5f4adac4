"""What else differs between two models' results: environment, code, data and settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from molbench.evaluation.result import Result

_LONGEST = 60
_DIGEST = 12


@dataclass(frozen=True)
class Contrast:
    """Something that is not the same on both sides, although the models are all that should differ.

    Attributes:
        what: ``environment torch``, ``code``, ``records of qm9``, ``warnings of qm9/homo`` …
        a: What the results of one model say, several values with commas between.
        b: What those of the other say.
    """

    what: str
    a: str
    b: str


def contrasts(a: Sequence[Result], b: Sequence[Result]) -> list[Contrast]:
    """What two models' results on the same tasks differ in, apart from the models.

    Of protocols that only one of them has, the names are told and not the settings.

    Args:
        a: Results of one model on the tasks that both have.
        b: Those of the other.
    """
    ours, theirs = _values(a), _values(b)
    both = ours.get("protocol", set()) & theirs.get("protocol", set())
    settings = [_settings([result for result in side if result.protocol.name in both]) for side in (a, b)]
    ours, theirs = ours | settings[0], theirs | settings[1]
    return [
        Contrast(what, _text(ours.get(what, set())), _text(theirs.get(what, set())))
        for what in sorted(ours.keys() | theirs.keys())
        if ours.get(what) != theirs.get(what)
    ]


def _values(results: Iterable[Result]) -> dict[str, set[str]]:
    return _collected(fact for result in results for fact in _facts(result))


def _settings(results: Iterable[Result]) -> dict[str, set[str]]:
    """Settings of each protocol."""
    return _collected(
        (f"protocol {result.protocol.name}: {name}", value)
        for result in results
        for name, value in result.protocol.model_dump(exclude={"description", "name"}).items()
    )


def _collected(facts: Iterable[tuple[str, Any]]) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for what, value in facts:
        values.setdefault(what, set()).add(value if isinstance(value, str) else json.dumps(value))
    return values


def _facts(result: Result) -> Iterator[tuple[str, Any]]:
    task = result.task
    yield "code", result.code
    for name, value in result.environment.items():
        yield f"environment {name}", value
    yield f"version of {task.dataset}", task.version
    yield f"records of {task.dataset}", task.digest[:_DIGEST]
    yield f"split {task.scheme} of {task.dataset}", task.split_digest[:_DIGEST]
    yield f"numbers of records of {task.id}", task.counts
    for warning in result.warnings:
        yield f"warnings of {task.id}", warning
    yield "protocol", result.protocol.name


def _text(values: Iterable[str]) -> str:
    text = ", ".join(sorted(values)) or "not told"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
