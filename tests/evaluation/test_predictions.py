"""Predictions survive the disk, and damaged ones are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.errors import UserError
from molbench.evaluation.prediction_columns import CLUSTERS
from molbench.evaluation.predictions import ForcePredictions, Predictions

VALUES = Predictions(["a", "b", "c"], np.array([1.0, 2.0, 3e5]), np.array([1.5, 2.0, 1 / 3]), "eV")
FORCES = replace(
    VALUES,
    forces=ForcePredictions(
        np.arange(12, dtype=np.float32),
        np.arange(12, dtype=np.float32) + 1,
        np.array([0, 3, 6, 12]),
        "kcal/mol/Å",
    ),
)


def test_values_come_back_bit_by_bit(tmp_path: Path) -> None:
    VALUES.write(tmp_path / "p.parquet")
    back = Predictions.read(tmp_path / "p.parquet")
    assert (back.ids, back.unit, back.forces) == (VALUES.ids, "eV", None)
    assert np.array_equal(back.target, VALUES.target) and np.array_equal(back.prediction, VALUES.prediction)
    assert pq.read_table(tmp_path / "p.parquet").column_names == ["id", "target", "prediction", "unit"]


def test_forces_come_back_by_record(tmp_path: Path) -> None:
    FORCES.write(tmp_path / "p.parquet")
    back = Predictions.read(tmp_path / "p.parquet")
    for name in ("target", "prediction", "offsets"):
        assert np.array_equal(getattr(back.forces, name), getattr(FORCES.forces, name))
    assert back.forces.unit == "kcal/mol/Å"


def test_clusters_come_back_and_scores_lie_beside_them(tmp_path: Path) -> None:
    clusters = pa.array([["solute:a", "solvent:w"], ["solute:b", "solvent:w"], []], CLUSTERS)
    replace(VALUES, clusters=clusters).write(tmp_path / "p.parquet", np.array([0.5, 0.0, 3e5]))
    assert Predictions.read(tmp_path / "p.parquet").clusters.equals(clusters)
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.column_names == ["id", "target", "prediction", "unit", "cluster", "score"]
    assert table.column("score").to_pylist() == [0.5, 0.0, 3e5]


@pytest.mark.parametrize(
    "names",
    [
        pa.array(["a", "b", "c"]),
        pa.array([[1], [2], [3]]),
        pa.array([["k:a"], None, ["k:b"]]),
        pa.array([["k:a"], [None], ["k:b"]]),
    ],
)
def test_clusters_that_are_no_lists_of_names_are_refused(tmp_path: Path, names: pa.Array) -> None:
    VALUES.write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet").append_column("cluster", names)
    pq.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(UserError, match="no column of lists of names"):
        Predictions.read(tmp_path / "p.parquet")


def test_three_clusters_of_a_record_are_refused(tmp_path: Path) -> None:
    clusters = pa.array([["a:a", "b:b", "c:c"], [], []], CLUSTERS)
    replace(VALUES, clusters=clusters).write(tmp_path / "p.parquet")
    with pytest.raises(UserError, match="more than two clusters"):
        Predictions.read(tmp_path / "p.parquet")


def test_predictions_that_are_not_finite_are_never_stored(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not finite"):
        replace(VALUES, prediction=np.array([1.0, np.nan, 2.0])).write(tmp_path / "p.parquet")
    assert not list(tmp_path.iterdir())


def test_records_are_taken_with_all_their_components() -> None:
    taken = FORCES.take(np.array([2, 0, 2]))
    assert taken.ids == ["c", "a", "c"] and taken.target.tolist() == [3e5, 1.0, 3e5]
    assert taken.forces.target.tolist() == [*range(6, 12), *range(3), *range(6, 12)]
    assert taken.forces.offsets.tolist() == [0, 6, 9, 15] and taken.forces.unit == "kcal/mol/Å"
    assert VALUES.take(np.array([1])).forces is None


def _edit(path: Path, **columns: pa.Array) -> None:
    VALUES.write(path)
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": pa.array(["a", "a", "b"])}, "stands twice"),
        ({"unit": pa.array(["eV", "eV", "meV"])}, "2 units"),
        ({"target": pa.array([1.0, None, 2.0])}, "not finite"),
        ({"prediction": pa.array([1.0, float("inf"), 2.0])}, "not finite"),
    ],
)
def test_files_that_cannot_be_scored_are_refused(
    tmp_path: Path, columns: dict[str, pa.Array], message: str
) -> None:
    path = tmp_path / "p.parquet"
    _edit(path, **columns)
    with pytest.raises(UserError, match=message):
        Predictions.read(path)


def test_truncated_or_absent_files_say_so(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    with pytest.raises(UserError, match="no such predictions"):
        Predictions.read(path)
    VALUES.write(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="damaged"):
        Predictions.read(path)
