"""What a pretraining trains on: a split of a dataset, without what tasks test on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from molbench.data.build.splits.expand import expand
from molbench.data.folder.location import locate
from molbench.data.leakage.exclude_molecules import ExcludedRecords, exclude
from molbench.data.leakage.exclude_pairs import count_pairs, exclude_pairs
from molbench.data.leakage.pairs import holds_pairs, relational_tasks
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.methods.base import Method
from molbench.spec.catalogue import Catalogue, DatasetEntry, TaskRef
from molbench.spec.pretrain import PretrainRequest


@dataclass(frozen=True)
class Corpus:
    """The training split of a dataset.

    Attributes:
        store: The dataset.
        scheme: Split scheme.
        records: Rows of its training split, [n].
    """

    store: Store
    scheme: str
    records: np.ndarray

    @classmethod
    def open(cls, request: PretrainRequest) -> Self:
        """Open what a request names.

        Raises:
            UserError: If it is a file, not built, or lacks the subset or the scheme.
        """
        path = Path(request.data)
        if path.is_file():
            command = f"molbench data import {path} --name {path.name.partition('.')[0].lower()}"
            raise UserError(f"{path}: a file; make it a dataset first with `{command}`")
        folder = path if (path / "manifest.json").is_file() else locate(str(request.data))
        store = Store.open(folder, request.subset)
        scheme = request.scheme or _default_scheme(store)
        return cls(store, scheme, store.rows(scheme, "train"))


@dataclass(frozen=True)
class Choice:
    """What of a corpus is trained on.

    Attributes:
        rows: For the objective's reader, [n], or combinations of two records, [n, 2].
        excluded: What was left out.
        contamination: Of pairs alone: whether test pairs are among them, and how many of each test split.
    """

    rows: np.ndarray
    excluded: ExcludedRecords
    contamination: dict[str, Any] = field(default_factory=dict)


def choose(corpus: Corpus, objective: Method, request: PretrainRequest) -> Choice:
    """The rows that an objective trains on, without the test molecules or pairs that are to be left out.

    Raises:
        UserError: If the dataset lacks a column that the objective needs, nothing is left, or a record has an
            element that the objective or its encoder does not know.
    """
    store = corpus.store
    if missing := [column for column in objective.columns if column not in store.table.schema.names]:
        raise UserError(
            f"method '{request.method}' needs the column {', '.join(missing)}, and {store.dataset_id} has "
            f"none; columns: {', '.join(store.table.schema.names)}"
        )
    catalogue = Catalogue.load()
    tasks = catalogue.tasks(request.exclude) if request.exclude else []
    if holds_pairs(store.dataset):
        rows = objective.select(store, corpus.records)
        return _pairs(corpus, rows, tasks, catalogue, request.include_test_pairs)
    if request.include_test_pairs:
        raise UserError(f"{store.dataset_id} holds no pairs, so no test pairs to include")
    rows, excluded = exclude(store, corpus.records, tasks) if tasks else (corpus.records, ExcludedRecords())
    rows = objective.select(store, rows)
    objective.check_records(store, rows)
    return Choice(rows, excluded)


def _pairs(
    corpus: Corpus, rows: np.ndarray, tasks: list[TaskRef], catalogue: Catalogue, include_test_pairs: bool
) -> Choice:
    """Pairs without those of ``tasks`` and, unless they are to be included, of every other task of pairs."""
    store = corpus.store
    entry = DatasetEntry(store.dataset_id, store.folder)
    relational = relational_tasks({known.id: known for known in [*catalogue.usable(), entry]}.values())
    if include_test_pairs:
        rows, excluded = exclude_pairs(store, rows, tasks)
        counts = count_pairs(store, rows, relational)
        return Choice(rows, excluded, {"contaminated": True, "test_pairs": counts})
    others = np.setdiff1d(np.arange(len(store)), corpus.records)
    every = {ref.id: ref for ref in [*tasks, *relational]}
    rows, excluded = exclude_pairs(store, rows, list(every.values()), others)
    return Choice(rows, excluded, {"contaminated": False})


def _default_scheme(store: Store) -> str:
    """The first declared scheme that the build has; a partial one may lack some."""
    built = {path.stem for path in (store.subset_folder / "splits").glob("*.parquet")}
    declared = expand(DatasetEntry(store.dataset_id, store.folder).splits.schemes)
    return next(name for name in declared if name in built)
