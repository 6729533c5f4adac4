"""Values that the shell completes: names of what there is, found without importing anything heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _safely(find: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A completion never breaks the line that is being typed: what cannot be read has no values."""

    def complete(incomplete: str) -> list[str]:
        try:
            return find(incomplete)
        except Exception:  # noqa: BLE001
            return []

    return complete


@_safely
def datasets(incomplete: str) -> list[str]:
    """Ids of datasets."""
    from molbench.spec.catalogue import Catalogue

    return _beginning(Catalogue.load().entries, incomplete)


@_safely
def suites(incomplete: str) -> list[str]:
    """Names of suites."""
    from molbench.spec.catalogue import Catalogue

    return _beginning(Catalogue.load().suites, incomplete)


@_safely
def tasks(incomplete: str) -> list[str]:
    """Datasets up to the slash, then tasks, behind an @ their schemes; of a list, of its last pattern."""
    from molbench.spec.catalogue import Catalogue

    before, comma, pattern = incomplete.rpartition(",")
    entries = Catalogue.load().entries
    dataset, slash, rest = pattern.partition("/")

    def names() -> Iterator[str]:
        if not slash:
            yield from (f"{name}/" for name in entries)
        elif dataset in entries:
            yield f"{dataset}/*"
            for name, task in entries[dataset].tasks.tasks.items():
                yield f"{dataset}/{name}"
                if "@" in rest:
                    yield from (f"{dataset}/{name}@{scheme}" for scheme in [task.scheme, *task.schemes])

    return [before + comma + name for name in dict.fromkeys(names()) if name.startswith(pattern)]


@_safely
def protocols(incomplete: str) -> list[str]:
    """Names of protocols."""
    from molbench.evaluation.protocols import load_protocols

    return _beginning(load_protocols(), incomplete)


@_safely
def methods(incomplete: str) -> list[str]:
    """Names of pretraining methods."""
    from molbench.methods import METHODS

    return _beginning(METHODS, incomplete)


@_safely
def backbones(incomplete: str) -> list[str]:
    """Names of backbones."""
    from molbench.backbones import BACKBONES

    return _beginning(BACKBONES, incomplete)


@_safely
def executors(incomplete: str) -> list[str]:
    """Names of executors."""
    from molbench.executors import EXECUTORS

    return _beginning(EXECUTORS, incomplete)


@_safely
def boards(incomplete: str) -> list[str]:
    """Names of boards."""
    from molbench.paths import catalogue_root

    return _beginning(
        sorted(path.stem for path in (catalogue_root() / "leaderboards").glob("*.yaml")), incomplete
    )
