"""Files of a results folder that are no files, or not the files they should be: one rejected result each."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.errors import UserError
from molbench.evaluation.built import data_of, require_declared
from molbench.evaluation.figures.plot import plot
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.report import Report
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.trust import read_trusted
from molbench.paths import catalogue_root
from molbench.spec import catalogue as declarations
from molbench.spec.catalogue import Catalogue
from tests.evaluation import toy
from tests.evaluation.tampering import predict, tell

RULES = "name: toy\ntitle: Toy\ndescription: d\ntasks: ['toy/size,toy/mass,toy/ring']\nseeds: 2\n"


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["result.json", "predictions.parquet"])
def test_what_is_no_plain_file_costs_its_result_only(results: Path, tmp_path: Path, file: str) -> None:
    """The real command line, in bounded time: pipes and devices are not waited for."""
    faults = {_pipe: "a pipe or a device", _device: "a pipe or a device", _folder: "is a folder"}
    folders = [results / "model" / "toy" / task / "probe" / "0" for task in ("size", "mass", "ring")]
    folders.append(results / "model" / "toy" / "size" / "probe" / "1")
    for folder, fault in zip(folders, [*faults, _dangling], strict=True):
        fault(folder / file)
    board = tmp_path / "toy.yaml"
    board.write_text(RULES)
    good, bad = read_trusted(results, Catalogue.load())
    reasons = {rejection.folder: rejection.reason for rejection in bad}
    for folder, told in zip(folders, [*faults.values(), "a link that leads nowhere"], strict=True):
        assert told in reasons.pop(folder)
    assert not reasons and len(good) == 12
    command = [sys.executable, "-m", "molbench.cli", "board", "build", str(board), "--results", str(results)]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "boards")],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert all(str(folder) in done.stdout + done.stderr for folder in folders), done


def _table(**columns: Any) -> pa.Table:
    n = 3
    given = {
        "id": pa.array([f"m{i}" for i in range(n)]),
        "target": pa.array(np.zeros(n)),
        "prediction": pa.array(np.zeros(n)),
        "unit": pa.array(["eV"] * n),
    }
    return pa.table(given | columns)


STRUCT = pa.array([{"x": 1.0}] * 3)
WRONG: dict[str, dict[str, Any]] = {
    "text": {"prediction": pa.array(["1", "2", "3"])},
    "dates": {"prediction": pa.array([datetime(2026, 1, 1)] * 3)},
    "decimals": {"prediction": pa.array([1, 2, 3]).cast(pa.decimal128(25, 2))},
    "structs": {"prediction": STRUCT},
    "lists": {"prediction": pa.array([[1.0], [1.0], [1.0]])},
    "truths": {"prediction": pa.array([True] * 3)},
    "nothing": {"prediction": pa.nulls(3)},
    "labels": {"target": STRUCT},
    "numbers for ids": {"id": pa.array([1, 2, 3])},
    "no id": {"id": pa.array(["a", None, "b"])},
    "long ids": {"id": pa.array(["a", "b", "c" * 1000])},
    "bytes": {"id": pa.array([b"a", b"\xff", b"c"])},
    "units": {"unit": STRUCT},
    "forces": {"force_target": pa.array([[1.0]] * 3), "force_prediction": STRUCT, "force_unit": pa.nulls(3)},
    "lost forces": {
        "force_target": pa.array([[1.0]] * 3),
        "force_prediction": pa.array([[1.0], None, [2.0]]),
        "force_unit": pa.array(["eV"] * 3),
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_a_column_of_another_type_is_one_line(tmp_path: Path, name: str) -> None:
    pq.write_table(_table(**WRONG[name]), tmp_path / "p.parquet")
    with pytest.raises(UserError) as caught:
        Predictions.read(tmp_path / "p.parquet")
    assert "\n" not in str(caught.value) and str(tmp_path / "p.parquet") in str(caught.value)


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16(), pa.int32()])
def test_numbers_of_every_kind_are_predictions(tmp_path: Path, kind: pa.DataType) -> None:
    pq.write_table(_table(prediction=pa.array([1, 2, 3]).cast(kind)), tmp_path / "p.parquet")
    given = Predictions.read(tmp_path / "p.parquet")
    assert given.prediction.dtype == np.float64 and given.prediction.tolist() == [1.0, 2.0, 3.0]


def test_rows_are_counted_before_they_are_read(tmp_path: Path) -> None:
    """Millions of rows take no place in a file in which one repeats."""
    path, n = tmp_path / "p.parquet", 3_000_000
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["m0"]))
    numbers = pa.array(np.zeros(n))
    pq.write_table(
        pa.table({"id": ids, "target": numbers, "prediction": numbers, "unit": ids}),
        path,
        compression="zstd",
    )
    assert path.stat().st_size < 1_000_000
    with pytest.raises(UserError, match="3,000,000 rows"):
        Predictions.read(path)
    pq.write_table(pa.table({"id": ids, "target": numbers, "prediction": numbers, "unit": ids})[:2000], path)
    with pytest.raises(UserError, match="2,000 rows"):
        Predictions.read(path, 3)


def _beyond(folder: Path) -> None:
    """As it comes from somebody whose program refuses nothing."""
    path = folder / "predictions.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("prediction")
    values = table.column("prediction").to_numpy().copy()
    values[0] = 1e308
    pq.write_table(table.set_column(place, "prediction", pa.array(values)), path)


def _code(text: str) -> Callable[[Path], None]:
    return lambda folder: tell(folder, lambda content: content.update(code=text))


def _cost(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: tell(folder, lambda content: content["cost"].update(changes))


LIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a score that is not finite": (_beyond, "1e+308"),
    "another evaluation": (_code("9.9/1"), "evaluation version"),
    "no evaluation": (_code("9.9"), "evaluation version"),
    "a long evaluation": (_code("1/" + "2" * 5000), "evaluation version"),
    "negative time": (_cost(seconds=-1.0), "not a result"),
    "endless time": (_cost(seconds=1e300), "not a result"),
    "a version of the cost": (_cost(version=0), "not a result"),
    "negative speed": (_cost(inference=-5.0), "not a result"),
    "negative weights": (lambda f: tell(f, lambda c: c["checkpoint"].update(parameters=-1)), "not a result"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIES)
def test_a_lie_costs_its_result_only(results: Path, name: str) -> None:
    lie, told = LIES[name]
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    lie(folder)
    good, bad = read_trusted(results, Catalogue.load())
    assert [rejection.folder for rejection in bad] == [folder] and told in bad[0].reason
    assert "\n" not in bad[0].reason and len(bad[0].reason) < 700 and len(good) == 15


def test_an_edited_manifest_makes_no_partial_build_complete(
    toy_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the catalogue declares counts, not what the build calls itself."""
    shutil.rmtree(toy_home / "datasets" / "toy")
    partial = toy.write_molecules(toy_home, n=60, partial=True)
    declared = tmp_path / "catalogue"
    for name in ("suites.yaml", "toy"):
        (declared / "datasets").mkdir(parents=True, exist_ok=True)
        if name == "toy":
            shutil.copytree(partial, declared / "datasets" / name)
            (declared / "datasets" / name / "manifest.json").unlink()
        else:
            shutil.copy(catalogue_root() / "datasets" / name, declared / "datasets")
    yaml = declared / "datasets" / "toy" / "dataset.yaml"
    yaml.write_text(yaml.read_text() + "records: 120\n")
    monkeypatch.setattr(declarations, "catalogue_root", lambda: declared)
    [task] = Catalogue.load().tasks("toy-partial/size")
    assert data_of(task).partial
    text = (partial / "manifest.json").read_text()
    for old, new in {
        '"toy-partial"': '"toy"', '"partial": true': '"partial": false',
        '"complete": false': '"complete": true', '"count": "short"': '"count": "complete"',
    }.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (partial / "manifest.json").write_text(text)
    partial.rename(partial.with_name("toy"))
    [task] = Catalogue.load().tasks("toy/size")
    assert data_of(task).partial
    (task.entry.folder / "manifest.json").write_text(text.replace('"records": 60', '"records": 120'))
    with pytest.raises(UserError, match="60 records, its manifest counts 120"):
        _open(task.entry.folder)
    yaml.write_text(yaml.read_text().replace("records: 120", "records: 60"))
    (task.entry.folder / "manifest.json").write_text(text)
    [task] = Catalogue.load().tasks("toy/size")
    assert not data_of(task).partial


@pytest.fixture
def declared(toy_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy dataset as the catalogue has it, 120 records, without the records."""
    root = tmp_path / "catalogue"
    folder = root / "datasets" / "toy"
    shutil.copytree(toy_home / "datasets" / "toy", folder)
    (folder / "manifest.json").unlink()
    shutil.copy(catalogue_root() / "datasets" / "suites.yaml", root / "datasets")
    (folder / "dataset.yaml").write_text((folder / "dataset.yaml").read_text() + "records: 120\n")
    monkeypatch.setattr(declarations, "catalogue_root", lambda: root)
    return folder


def _require_declared() -> None:
    [task] = Catalogue.load().tasks("toy/size")
    require_declared(task)


def _is_complete() -> bool:
    [task] = Catalogue.load().tasks("toy/size")
    return not data_of(task).partial


def test_failures_that_a_manifest_tells_of_make_no_records(toy_home: Path, declared: Path) -> None:
    """Sixty of 120 records, and sixty that are said to have failed, where none may."""
    folder = toy_home / "datasets" / "toy"
    assert _is_complete()
    shutil.rmtree(folder)
    toy.write_molecules(toy_home, n=60)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert not _is_complete()
    failures = [{"id": f"x{i}", "where": "file", "reason": "broken"} for i in range(60)]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"failures": failures}))
    assert not _is_complete()
    text = (declared / "dataset.yaml").read_text()
    (declared / "dataset.yaml").write_text(text + "max_failures: 59\n")
    assert not _is_complete()
    (declared / "dataset.yaml").write_text(text + "max_failures: 60\n")
    assert _is_complete()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tasks.yaml", "metrics: [mae, spearman, pearson]", "metrics: [spearman, mae]"),
        ("tasks.yaml", "unit: meV", "unit: eV"),
        ("dataset.yaml", "unit: eV", "unit: meV"),
        ("splits.yaml", None, None),
    ],
)
def test_a_build_with_declarations_of_its_own_is_not_the_complete_one(
    toy_home: Path, declared: Path, file: str, old: str | None, new: str | None
) -> None:
    """A metric, a unit or a division that the catalogue does not have makes no score of its task."""
    assert _is_complete()
    _require_declared()
    if old is None:  # the catalogue knows how records are divided
        content = yaml.safe_load((declared / file).read_text())
        content["schemes"]["random"]["digest"] = "0" * 64
        (declared / file).write_text(yaml.safe_dump(content))
    else:
        path = toy_home / "datasets" / "toy" / file
        content = yaml.safe_load(path.read_text())
        text = yaml.safe_dump(content, default_flow_style=None)
        assert old in text, text
        path.write_text(text.replace(old, str(new)))
        with pytest.raises(UserError, match=r"toy/size: .* declares it otherwise than the catalogue"):
            _require_declared()
    assert not _is_complete()


def _open(folder: Path) -> None:
    from molbench.data.read.store import Store

    Store.open(folder)


@pytest.mark.slow
def test_predictions_are_refused_before_anything_is_written(results: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    before = (folder / "predictions.parquet").read_bytes()
    with pytest.raises(UserError, match="beyond single precision"):
        predict(folder, prediction=Stored.read(folder).predictions.prediction * 0 + 1e308)
    assert (folder / "predictions.parquet").read_bytes() == before


@pytest.mark.slow
def test_forged_labels_are_not_compared(results: Path) -> None:
    """What compares, draws and reports takes labels from the dataset, as boards do."""
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    before = Report.read(results).to_pandas()
    predict(folder, target=Stored.read(folder).predictions.prediction)
    assert Report.read(results).to_pandas().equals(before)
    shutil.rmtree(results.parent / "home" / "datasets" / "toy")
    [stored] = [one for one in ResultsFolder.read(results).results if one.folder == folder]
    assert "could not be checked" in stored.result.warnings[-1]


def _not_built(results: Path) -> None:
    shutil.rmtree(results.parent / "home" / "datasets" / "toy")


@pytest.mark.slow
@pytest.mark.parametrize("built", [True, False], ids=["built", "not built"])
def test_figures_and_reports_list_what_they_leave_out(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, built: bool
) -> None:
    """Whatever one file raises, when it is read or scored, it costs its result."""
    folders = [results / "model" / "toy" / task / "probe" / "0" for task in ("size", "mass", "ring")]
    (folders[0] / "result.json").write_text("{}")
    (folders[1] / "predictions.parquet").write_bytes(b"PAR1 no")
    if not built:
        _not_built(results)
    read = Predictions.read.__func__  # type: ignore[attr-defined]

    def odd(cls: type[Predictions], path: Path, records: int | None = None) -> Predictions:
        if path.parent == folders[2]:
            raise AssertionError("a library\x1b[31m gave up")
        given: Predictions = read(cls, path, records)
        return given

    monkeypatch.setattr(Predictions, "read", classmethod(odd))
    report = Report.read(results)
    assert list(report.damaged) == sorted(folders) and len(report.results) == 13
    assert "3 damaged" in repr(report) and report._repr_html_().count("damaged: ") == 3
    assert all(why.isprintable() for why in report.damaged.values())
    plotted = plot(results, tmp_path / "figures", kinds="strip")
    assert plotted.files and plotted.damaged == report.damaged


@pytest.mark.slow
def test_the_command_line_names_what_it_does_not_draw(results: Path, tmp_path: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    (folder / "predictions.parquet").write_bytes(b"PAR1 no")
    command = [sys.executable, "-m", "molbench.cli", "plot", str(results), "-o", str(tmp_path / "f")]
    done = subprocess.run([*command, "-k", "strip"], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and f"damaged: {folder}: " in done.stderr
