"""The baseline without a network: boosted trees on fingerprints, which a deep model should be seen losing to.

The input is the graph alone: Morgan counts (Rogers and Hahn 2010) and ten descriptors of each molecule of a
record. The trees are scikit-learn's histogram gradient boosting, stopped by the task's own validation split.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from threadpoolctl import threadpool_limits

from molbench.chem.fingerprint import descriptors, morgan_counts
from molbench.data.folder.location import subset_folder
from molbench.data.read.store import Store
from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.joined_vectors import joined_vectors
from molbench.evaluation.kinds import kind_of
from molbench.spec.catalogue import TaskRef
from molbench.spec.fingerprint import Boosting

_CHUNK = 16384
_SMALL = 4_000_000  # values, as 13,000 records of 300 columns


def unfit(task: TaskRef) -> str | None:
    """Why a built task is none for this baseline, or None where it is one."""
    if kind_of(task.task).trees() is None:
        return f"it predicts one value a record, and this is a task of kind '{task.task.kind}'"
    if task.dataset.identity == "frame":
        return "frames of a trajectory share their SMILES"
    folder = subset_folder(task.folder or task.entry.folder, task.subset)
    cell = next(folder.glob("cells/*.parquet"), None)
    columns = RECORD_KINDS[task.dataset.record].smiles
    if cell is None or not {*columns} <= {*pq.read_schema(cell).names}:
        return "its records have no SMILES"
    return None


def boost(data: TaskData, settings: Boosting, seed: int) -> np.ndarray:
    """Fit on the training split until the validation loss stops falling, predict the test split.

    Args:
        data: Records and labels.
        settings: Size and number of trees.
        seed: Draws the columns of each split, and records where there are too many.

    Returns:
        Predictions for the test rows in the dataset's own unit, or probabilities of class 1, [m] float64.

    Raises:
        UserError: If there are fewer than two training records, of each class in a classification.
    """
    kind, labels = data.kind, data.normalised
    train, validation = (_drawn(data.rows[split], settings, seed) for split in ("train", "validation"))
    if missing := kind.too_few(labels[train]):
        raise UserError(f"{data.task.id}: boosting needs at least {missing}")
    if (trees := kind.trees()) is None:
        raise ValueError(f"{data.task.id}: there are no trees for tasks of kind '{kind.name}'")
    features = Features(data.store, train, settings)
    model = trees(
        learning_rate=settings.learning_rate,
        max_iter=settings.trees,
        max_leaf_nodes=settings.max_leaves,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.column_share,
        max_bins=settings.max_bins,
        early_stopping=True,
        n_iter_no_change=settings.patience,
        random_state=seed,
    )
    # Threads wait for each other at every split: in small tables that gains nothing, and where other programs
    # want the processors, it takes minutes.
    threads = 1 if features.training.size < _SMALL else None
    with threadpool_limits(threads, user_api="openmp"):
        model.fit(features.training, labels[train], X_val=features(validation), y_val=labels[validation])
    test = data.rows["test"]
    chunks = np.split(test, range(_CHUNK, test.size, _CHUNK))
    return data.restore(test, np.concatenate([kind.predicted(model, features(rows)) for rows in chunks]))


class Features:
    """What the trees see of the records of a store.

    Args:
        store: Records with SMILES.
        train: Rows that decide which columns there are.
        settings: Which bits are common enough.

    Attributes:
        training: What calling it gives for ``train``.
    """

    def __init__(self, store: Store, train: np.ndarray, settings: Boosting) -> None:
        self._store = store
        smiles, places = self._distinct(train)
        counts = morgan_counts(smiles)
        molecules = (counts > 0).sum(axis=0)
        commonest = np.argsort(-molecules, kind="stable")[: settings.max_bits]
        self._bits = np.sort(commonest[molecules[commonest] >= settings.min_molecules])
        columns = self._joined(counts, smiles, places)
        self._varying = (columns != columns[0]).any(axis=0)
        self.training = columns[:, self._varying]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Columns that vary among the training rows, [R, F] float32.

        Both molecules of a pair stand one behind the other; where their order means nothing, the sum and the
        magnitude of the difference take the place of both.
        """
        smiles, places = self._distinct(rows)
        features: np.ndarray = self._joined(morgan_counts(smiles), smiles, places)[:, self._varying]
        return features

    def _joined(self, counts: np.ndarray, smiles: list[str | None], places: np.ndarray) -> np.ndarray:
        table = np.concatenate([counts[:, self._bits], descriptors(smiles)], axis=1)
        return joined_vectors(torch.from_numpy(table[places]), self._store.ordered).numpy()

    def _distinct(self, rows: np.ndarray) -> tuple[list[str | None], np.ndarray]:
        """Different molecules of some rows, and which of them each row holds, [R, P]."""
        columns = [self._store.column(name).take(pa.array(rows)) for name in self._store.record.smiles]
        encoded = pa.concat_arrays(columns).dictionary_encode(null_encoding="encode")
        return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().reshape(len(columns), -1).T


def _drawn(rows: np.ndarray, settings: Boosting, seed: int) -> np.ndarray:
    if rows.size <= settings.max_records:
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[: settings.max_records])
