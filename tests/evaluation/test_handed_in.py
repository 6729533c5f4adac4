"""Predictions made elsewhere are scored as a model's own are, and every fault is named with its place."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.errors import UserError
from molbench.evaluation import Report, evaluate
from molbench.evaluation.handed_in.score import score_predictions
from molbench.evaluation.handed_in.template import predictions_template, write_template
from molbench.evaluation.result import read_results
from molbench.evaluation.trust import read_trusted
from molbench.spec.catalogue import Catalogue

Rows = list[dict[str, Any]]


def own_scores(path: Path, output: Path) -> Report:
    tasks = ["toy/size,toy/ring,toy-frames/co"]
    return evaluate(path, tasks, seeds=2, scratch=False, output=output, executor="inline")


def rows_of(path: Path) -> Rows:
    """What a model of this program predicts, as somebody else would write it down."""
    report = own_scores(path, path.parent / "own")
    rows: Rows = []
    for stored in report.results:
        given = stored.predictions
        for i, name in enumerate(given.ids):
            row = {"task": stored.result.task.id, "seed": stored.result.seed, "id": name}
            row |= {"prediction": float(given.prediction[i]), "unit": given.unit}
            if given.forces is not None:
                part = slice(given.forces.offsets[i], given.forces.offsets[i + 1])
                row |= {"forces": given.forces.prediction[part].tolist(), "force_unit": given.forces.unit}
            rows.append(row)
    return rows


@pytest.fixture(scope="module")
def kept() -> dict[str, Rows]:
    """Rows that the first test makes for the others."""
    return {}


@pytest.fixture
def rows(toy_home: Path, checkpoint: Path, kept: dict[str, Rows]) -> Rows:
    if not kept:
        kept["rows"] = rows_of(checkpoint)
    return [dict(row) for row in kept["rows"]]


def write(path: Path, rows: Rows) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            cells = [row.get(name) for name in names]
            writer.writerow(
                " ".join(map(repr, c)) if isinstance(c, list) else "" if c is None else c for c in cells
            )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_scores_are_those_of_the_model_itself(
    rows: Rows, checkpoint: Path, tmp_path: Path, suffix: str
) -> None:
    np.random.default_rng(0).shuffle(rows)
    report = score_predictions(write(tmp_path / f"p{suffix}", rows), "mine", output=tmp_path / "r")
    own = own_scores(checkpoint, tmp_path / "o")
    expected = {(s.result.task.id, s.result.seed): s.result.metrics for s in own.results}
    found = {(s.result.task.id, s.result.seed): s.result.metrics for s in report.results}
    assert not report.failures and found.keys() == expected.keys()
    for key, metrics in expected.items():
        for name, value in metrics.items():
            assert found[key][name].value == pytest.approx(value.value, abs=1e-6)
            assert found[key][name].half_width == pytest.approx(value.half_width, rel=1e-6)
    good, bad = read_trusted(tmp_path / "r", Catalogue.load())
    assert len(good) == len(report.results) and not bad


@pytest.mark.slow
def test_units_are_converted_and_labels_are_never_the_file_s(rows: Rows, tmp_path: Path) -> None:
    only = [row for row in rows if row["task"] == "toy/size"]
    plain = score_predictions(write(tmp_path / "p.csv", only), "plain", output=tmp_path / "r")
    for row in only:
        assert row["unit"] == "eV"
        row |= {"prediction": row["prediction"] * 1000, "unit": "meV", "target": row["prediction"]}
    other = score_predictions(write(tmp_path / "q.csv", only), "other", output=tmp_path / "r")
    values = [[s.result.metrics["mae"].value for s in report.results] for report in (plain, other)]
    assert values[0] == pytest.approx(values[1])


def _drop(name: str) -> Callable[[Rows], None]:
    return lambda rows: [row.pop(name) for row in rows] and None


def _put(place: int, **cells: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[place].update(cells)


FAULTS: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "no id": (_drop("id"), "no column 'id'; it has: 'task'"),
    "no task": (_drop("task"), "no column 'task'"),
    "no prediction": (_drop("prediction"), "no column 'prediction'"),
    "misspelt column": (
        lambda rows: [row.update(units=row.pop("unit")) for row in rows],
        "did you mean 'unit'",
    ),
    "unknown task": (_put(3, task="toy/sise"), "line 5, column 'task': 'toy/sise' is no task"),
    "glob": (_put(3, task="toy/*"), "line 5, column 'task': 'toy/*' is no task"),
    "unknown id": (_put(4, id="x9"), "line 6, column 'id': 'x9' is no test record of toy/size, as 'm"),
    "training id": (_put(4, id="m0"), "line 6, column 'id': 'm0' is no test record of toy/size"),
    "index of a data frame": (_put(0, **{"": "0"}), "unknown column '' (the index of a data frame? Write"),
    "forces nobody asked for": (
        _put(5, forces=[0.0, 1.0]),
        "line 7, column 'forces': toy/size asks for no forces",
    ),
    "empty id": (_put(4, id=""), "line 6, column 'id': '' is no text"),
    "doubled": (lambda rows: rows.append(dict(rows[2])), "has a prediction already, in 4"),
    "missing": (lambda rows: rows.pop(7), "no prediction for '"),
    "empty": (_put(5, prediction=""), "line 7, column 'prediction': is empty"),
    "text": (_put(5, prediction="high"), "line 7, column 'prediction': 'high' is no number"),
    "comma": (_put(5, prediction="1,5"), "line 7, column 'prediction': '1,5' is no number"),
    "nan": (_put(5, prediction="nan"), "line 7, column 'prediction': 'nan' is no finite number"),
    "infinite": (_put(5, prediction=float("inf")), "line 7, column 'prediction': 'inf' is no finite"),
    "unit": (_put(5, unit="parsec"), "line 7, column 'unit': "),
    "other dimension": (_put(5, unit="D"), "line 7, column 'unit': "),
    "seed": (_put(5, seed="-1"), "line 7, column 'seed': -1 is no seed"),
    "half a seed": (_put(5, seed="0.5"), "line 7, column 'seed': 0.5 is no seed"),
    "no rows": (lambda rows: rows.clear(), "cannot be read"),
    "no forces": (_drop("forces"), "no column 'forces'"),
    "two atoms too few": (_put(-1, forces=[0.0, 1.0]), "column 'forces': 2 numbers where there are 6"),
    "force that is none": (_put(-1, forces=["a"] * 6), "column 'forces': "),
    "infinite force": (_put(-1, forces=[float("inf")] * 6), "column 'forces': holds a number that is not"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line_with_its_place_and_nothing_is_written(
    rows: Rows, tmp_path: Path, name: str
) -> None:
    """Two dozen ways to get a file of predictions wrong: one line each, which says where."""
    damage, message = FAULTS[name]
    if "'forces'" not in message or "toy/size" in message:
        rows = [
            {k: v for k, v in row.items() if "force" not in k} for row in rows if row["task"] == "toy/size"
        ]
    else:
        rows = [row for row in rows if row["task"] == "toy-frames/co"]
    damage(rows)
    path = write(tmp_path / "p.csv", rows)
    with pytest.raises(UserError) as caught:
        score_predictions(path, "mine", output=tmp_path / "r")
    assert message in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value) and not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", b"\xff\xfe\x00", "cannot be read"),
        ("p.csv", b"", "cannot be read"),
        ("p.csv", b"task,id,prediction\na,b\n", "cannot be read"),
        ("p.parquet", b"PAR1", "cannot be read"),
        ("p.pkl", b"", "named *.parquet or *.csv"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        score_predictions(tmp_path / name, "mine", output=tmp_path / "r")
    assert message in str(caught.value)


def test_other_predictions_of_the_same_name_are_kept_unless_replaced(rows: Rows, tmp_path: Path) -> None:
    only = [row for row in rows if row["task"] == "toy/size"]
    path = write(tmp_path / "p.parquet", only)
    score_predictions(path, "mine", output=tmp_path / "r")
    assert score_predictions(path, "mine", output=tmp_path / "r").reused == 2
    only[0]["prediction"] += 1
    write(path, only)
    with pytest.raises(UserError, match="--replace"):
        score_predictions(path, "mine", output=tmp_path / "r")
    assert score_predictions(path, "mine", output=tmp_path / "r", replace=True).reused == 0
    for name in ("fingerprint", "scratch-me", "Mine", "../up"):
        with pytest.raises(UserError, match="--name"):
            score_predictions(path, name, output=tmp_path / "r")


def test_predictions_without_a_score_replace_nothing(rows: Rows, tmp_path: Path) -> None:
    only = [row for row in rows if row["task"] == "toy/size"]
    score_predictions(write(tmp_path / "p.parquet", only), "mine", output=tmp_path / "r")
    before = read_results(tmp_path / "r")
    huge = write(tmp_path / "huge.parquet", [{**row, "prediction": 1e200} for row in only])
    with pytest.raises(UserError, match=r"huge\.parquet: toy/size, seed 0: a prediction of 1e"):
        score_predictions(huge, "mine", output=tmp_path / "r", replace=True)
    assert read_results(tmp_path / "r") == before


def test_a_template_is_what_is_asked_for(toy_home: Path, tmp_path: Path) -> None:
    """The file has every row and column that is needed; predictions that stay empty in it are told."""
    table = predictions_template(["toy/size", "toy-frames/co"])
    assert table.column_names == ["task", "seed", "id", "prediction", "unit", "forces", "force_unit"]
    assert table.column("prediction").null_count == len(table) == 24 + 12
    for name in ("t.csv", "t.parquet"):
        assert write_template("toy/size", tmp_path / name) == 24
        with pytest.raises(UserError, match="may be filled in"):
            write_template("toy/size", tmp_path / name)
        with pytest.raises(UserError, match="column 'prediction': is empty"):
            score_predictions(tmp_path / name, "mine", output=tmp_path / "r")


@pytest.mark.slow
def test_the_command_line(rows: Rows, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    write(folder / "my predictions.csv", rows)

    def score(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "molbench.cli", "score", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    done = score("my predictions.csv", "--name", "mine", "--json")
    assert done.returncode == 0, done.stderr
    assert [cell["protocol"] for cell in json.loads(done.stdout)["rows"]] == ["direct"] * 3
    done = score("none.csv", "--name", "mine")
    assert done.returncode == 2 and "error: none.csv: no such file" in done.stderr
