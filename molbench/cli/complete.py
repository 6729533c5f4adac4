"""Values that the shell completes: names of what there is, found without importing anything heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import typer

Values = Callable[..., list[str]]


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _last_of(names: Iterable[str], incomplete: str) -> list[str]:
    """Of several names with commas between, the last."""
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in _beginning(names, last)]


def _safely(find: Values) -> Values:
    """A completion never breaks the line that is being typed: what cannot be read has no values."""

    @wraps(find)
    def complete(*given: Any, **named: Any) -> list[str]:
        try:
            return find(*given, **named)
        except Exception:  # noqa: BLE001
            return []

    return complete


def one_of(names: Iterable[str]) -> Values:
    """Any of some names, or several with commas between."""

    def complete(incomplete: str) -> list[str]:
        return _last_of(names, incomplete)

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

    catalogue = Catalogue.load()
    entries = catalogue.entries
    dataset, slash, rest = incomplete.rpartition(",")[2].partition("/")

    def names() -> Iterator[str]:
        if not slash:
            yield from (f"{name}/" for name in (*entries, "audit"))
        elif dataset == "audit":
            yield from ("audit/*", *(ref.id for ref in catalogue.tasks("audit/*")))
        elif dataset in entries:
            yield f"{dataset}/*"
            for name, task in entries[dataset].tasks.tasks.items():
                yield f"{dataset}/{name}"
                if "@" in rest:
                    yield from (f"{dataset}/{name}@{scheme}" for scheme in [task.scheme, *task.schemes])

    return _last_of(dict.fromkeys(names()), incomplete)


@_safely
def audits(incomplete: str) -> list[str]:
    """Names of audits."""
    from molbench.spec.catalogue import Catalogue

    return _last_of([ref.name for ref in Catalogue.load().tasks("audit/*")], incomplete)


@_safely
def schemes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Split schemes of the dataset that the line names."""
    return _beginning(_named_dataset(ctx).splits.schemes, incomplete)


@_safely
def subsets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Subsets of the dataset that the line names."""
    return _beginning(_named_dataset(ctx).dataset.subsets, incomplete)


def _named_dataset(ctx: typer.Context) -> Any:
    from molbench.spec.catalogue import Catalogue

    entries = Catalogue.load().entries
    options = [ctx.params.get(key) for key in ("name", "entry", "data", "pretrain")]
    # Arguments stand among what is not parsed yet while the value of an option is missing.
    return next(entries[name] for name in (*options, *ctx.args) if name in entries)


@_safely
def splits(incomplete: str) -> list[str]:
    """Splits of every scheme."""
    from molbench.spec.splits import SPLITS

    return _last_of(SPLITS, incomplete)


@_safely
def variants(incomplete: str) -> list[str]:
    """Variants of every method."""
    from molbench.methods.settings import VARIANTS

    return _last_of(VARIANTS, incomplete)


@_safely
def protocols(incomplete: str) -> list[str]:
    """Names of protocols."""
    from molbench.evaluation.protocols import load_protocols

    return _beginning(load_protocols(), incomplete)


@_safely
def methods(incomplete: str) -> list[str]:
    """Names of pretraining methods."""
    from molbench.methods import METHODS

    return _last_of(METHODS, incomplete)


@_safely
def backbones(incomplete: str) -> list[str]:
    """Names of backbones."""
    from molbench.backbones import BACKBONES

    return _last_of(BACKBONES, incomplete)


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


@_safely
def models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Models that have results in the folder of results."""
    root = Path(ctx.params.get("results") or "results")
    return _beginning(sorted(folder.name for folder in root.iterdir() if folder.is_dir()), incomplete)


@_safely
def documents(incomplete: str) -> list[str]:
    """Kinds of YAML file."""
    from molbench.spec.schemas import DOCUMENTS

    return _beginning(DOCUMENTS, incomplete)


@_safely
def loggers(incomplete: str) -> list[str]:
    """Programs that show the curves of a training."""
    from molbench.training.trackers import TRACKERS

    return _last_of(TRACKERS, incomplete)


@_safely
def releases(incomplete: str) -> list[str]:
    """Code of others whose weights can be converted."""
    from molbench.releases import RELEASES

    return _beginning(RELEASES, incomplete)


@_safely
def generators(incomplete: str) -> list[str]:
    """Embedded datasets whose raw file can be computed."""
    from molbench.generate import GENERATORS

    return _beginning(GENERATORS, incomplete)
