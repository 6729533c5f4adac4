"""Per-sample predictions: the file every score is computed from, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.arguments import require_file
from molbench.atomic import replace_file
from molbench.errors import UserError, error_line
from molbench.evaluation.prediction_columns import CLUSTERS, read_predicted

PREDICTIONS_FILE = "predictions.parquet"
#: What single precision holds; no model says more, and squares of squares of it are numbers still.
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class ForcePredictions:
    """Force components of all samples, one after the other.

    Attributes:
        target: True components, [c] float32.
        prediction: Predicted components, [c] float32.
        offsets: First component of each sample, then c, [n + 1] int64.
        unit: Unit of both.
    """

    target: np.ndarray
    prediction: np.ndarray
    offsets: np.ndarray
    unit: str

    def take(self, rows: np.ndarray) -> ForcePredictions:
        """Those of some samples, in their order and as often as they are named."""
        sizes = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], sizes.cumsum()])
        inside = np.repeat(self.offsets[:-1][rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return ForcePredictions(self.target[inside], self.prediction[inside], offsets, self.unit)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labels and predictions of one test split in the dataset's own unit.

    Attributes:
        ids: Record ids, [n].
        target: True values, [n] float64; classes as 0 and 1; spectra [n, points].
        prediction: Predicted values, [n] float64; probabilities of class 1; spectra [n, points].
        unit: Unit of both.
        forces: The same for every force component, for force tasks.
        clusters: Names of the clusters of each record, a list of at most two, see
            :func:`molbench.data.read.clusters.cluster_names`; None where records are independent.
    """

    ids: list[str]
    target: np.ndarray
    prediction: np.ndarray
    unit: str
    forces: ForcePredictions | None = None
    clusters: pa.ListArray | None = None

    def __repr__(self) -> str:
        forces = ", with forces" if self.forces is not None else ""
        return f"<Predictions: {len(self.ids):,} records in {self.unit}{forces}>"

    def write(self, path: Path, scores: np.ndarray | None = None) -> None:
        """Write one row a record: id, target, prediction, unit, and for forces lists of components.

        Targets and predictions are double-precision numbers, or for spectra lists of single-precision ones.

        Args:
            path: The file.
            scores: The record's own score, [n], whose mean is the score of the task; nothing here needs it
                again.

        Raises:
            UserError: If a prediction is not finite.
        """
        self.refuse_infinite()
        columns: dict[str, pa.Array] = {
            "id": pa.array(self.ids, pa.string()),
            "target": _column(self.target),
            "prediction": _column(self.prediction),
            "unit": _repeat(self.unit, len(self.ids)),
        }
        if self.forces is not None:
            offsets = pa.array(self.forces.offsets.astype(np.int32))
            for name in ("target", "prediction"):
                values = pa.array(getattr(self.forces, name), pa.float32())
                columns[f"force_{name}"] = pa.ListArray.from_arrays(offsets, values)
            columns["force_unit"] = _repeat(self.forces.unit, len(self.ids))
        if self.clusters is not None:
            columns["cluster"] = self.clusters
        if scores is not None:
            columns["score"] = pa.array(scores, pa.float64())
        with replace_file(path) as temporary:
            pq.write_table(pa.table(columns), temporary, compression="zstd")

    def refuse_infinite(self) -> None:
        """Refuse what no metric is of.

        Raises:
            UserError: If the predictions of a record are not finite, saying of how many, or so large that
                the metric would not be.
        """
        finite = np.isfinite(self.prediction.reshape(len(self.ids), -1)).all(axis=1)
        if self.forces is not None:
            wrong = np.concatenate([[0], (~np.isfinite(self.forces.prediction)).cumsum()])
            finite &= np.diff(wrong[self.forces.offsets]) == 0
        if not finite.all():
            raise UserError(f"predictions are not finite ({(~finite).sum():,} of {finite.size:,})")
        if (most := float(np.abs(self.prediction).max(initial=0.0))) > LARGEST:
            raise UserError(f"a prediction of {most:.3g} is beyond single precision, and no score is of it")

    def take(self, rows: np.ndarray) -> Predictions:
        """Some records, in the order and as often as they are named.

        Args:
            rows: Their numbers, [m].
        """
        return Predictions(
            [self.ids[row] for row in rows],
            self.target[rows],
            self.prediction[rows],
            self.unit,
            self.forces and self.forces.take(rows),
            self.clusters and self.clusters.take(pa.array(rows)),
        )

    @classmethod
    def read(cls, path: Path, records: int | None = None) -> Predictions:
        """Read what :meth:`write` wrote, checking that it can be scored.

        Args:
            path: The file, which may come from anybody.
            records: Records that it should be of, far more than which are not read; without it, a few
                million.

        Raises:
            UserError: If the file is missing, damaged, empty, far too large, mixes units, has columns of
                another type, or holds what is not finite.
        """
        try:
            require_file(path, "predictions")
            table = read_predicted(path, records)
            forces = None
            if "force_target" in table.schema.names:
                offsets, truth = _lists(table, "force_target")
                same, guess = _lists(table, "force_prediction")
                if not np.array_equal(offsets, same):
                    raise UserError(f"{path}: force_target and force_prediction differ in length")
                forces = ForcePredictions(truth, guess, offsets, _single(path, table, "force_unit"))
            result = cls(
                table.column("id").to_pylist(),
                _values(table.column("target")),
                _values(table.column("prediction")),
                _single(path, table, "unit"),
                forces,
                _clusters(path, table),
            )
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, NotImplementedError) as error:
            raise UserError(f"{path}: damaged predictions: {error_line(error)}") from error
        result._refuse_nonsense(path)
        return result

    def _refuse_nonsense(self, path: Path) -> None:
        if len(set(self.ids)) != len(self.ids):
            raise UserError(f"{path}: an id stands twice")
        if self.target.shape != self.prediction.shape:
            raise UserError(f"{path}: target and prediction differ in shape")
        arrays = [self.target, self.prediction]
        if self.forces is not None:
            arrays += [self.forces.target, self.forces.prediction]
        if not all(np.isfinite(values).all() for values in arrays):
            raise UserError(f"{path}: holds values that are not finite")


def _column(values: np.ndarray) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values, pa.float64())
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), values.shape[1])


def _values(column: pa.ChunkedArray) -> np.ndarray:
    column = column.combine_chunks()
    if not pa.types.is_fixed_size_list(column.type):
        values: np.ndarray = column.to_numpy(zero_copy_only=False)
        return values.astype(np.float64, copy=False)
    if column.null_count:
        raise pa.ArrowInvalid("a spectrum is missing")
    spectra: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return spectra.reshape(len(column), -1).astype(np.float64)


def _lists(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Where each record's numbers begin, [n + 1] int64, and all numbers, [c] float32."""
    column = table.column(name).combine_chunks()
    if column.null_count:
        raise pa.ArrowInvalid(f"{name} of a record is missing")
    values: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], column.value_lengths().to_numpy().cumsum(dtype=np.int64)])
    with np.errstate(over="ignore"):
        return offsets, values.astype(np.float32, copy=False)


def _clusters(path: Path, table: pa.Table) -> pa.ListArray | None:
    if "cluster" not in table.schema.names:
        return None
    column = table.column("cluster").combine_chunks()
    if column.type != CLUSTERS or column.null_count or column.flatten().null_count:
        raise UserError(f"{path}: column 'cluster' is no column of lists of names")
    if np.diff(column.offsets.to_numpy()).max(initial=0) > 2:
        raise UserError(f"{path}: column 'cluster' names more than two clusters of a record")
    return column


def _repeat(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([text]))


def _single(path: Path, table: pa.Table, name: str) -> str:
    units = table.column(name).unique().to_pylist()
    if len(units) != 1:
        raise UserError(f"{path}: column '{name}' holds {len(units)} units; one is needed")
    return str(units[0])
