"""Figures show the numbers that lie beside them, and what cannot be drawn is said."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from typer.testing import CliRunner

import molbench
from molbench.cli import main
from molbench.errors import UserError
from molbench.evaluation.cost import RunCost
from molbench.evaluation.figures.atlas import atlas, differing, false_discovery
from molbench.evaluation.figures.cost import cost
from molbench.evaluation.figures.grouping import Grouping
from molbench.evaluation.figures.plot import plot
from molbench.evaluation.figures.records import Shown
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import Stored
from molbench.evaluation.summary import summarise
from molbench.spec.catalogue import Catalogue
from tests.leaderboard.conftest import write_result

HOSTILE = "../$x_{1}$ <b>/"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_strip_shows_scores_and_intervals(tmp_path: Path) -> None:
    tasks = ("data/a", "data/b")
    results = [
        write_result(tmp_path / "r", model, task, s) for model in "ab" for task in tasks for s in (0, 1)
    ]
    files = plot(tmp_path / "r", tmp_path / "f", kinds="strip").files
    assert [path.name for path in files] == ["strip.png", "strip.csv"]
    shown = {(row["model"], row["task"]): float(row["mean"]) for row in table(files[1])}
    assert shown == {(cell.candidate, cell.task): cell.mean for cell in summarise(results)}


def test_what_strangers_wrote_names_files_and_nothing_else(tmp_path: Path) -> None:
    write_result(tmp_path / "r", "a", name=HOSTILE)
    files = plot(str(tmp_path / "r"), tmp_path / "f", kinds=["strip", "parity"], form="svg").files
    assert {path.parent for path in files} == {tmp_path / "f"}
    assert all("<b>" not in path.read_text() for path in files if path.suffix == ".svg")
    assert len(table(tmp_path / "f" / next(path.name for path in files if path.name.startswith("parity-")
                                           and path.suffix == ".csv"))) == 200  # fmt: skip


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    write_result(tmp_path / "r", "a")
    plotted = plot(tmp_path / "r", tmp_path / "f")
    assert {"errors", "curves", "radar", "cost"} <= plotted.skipped.keys()
    for kind, why in (
        ("curves", "training log"),
        ("radar", "three tasks"),
        ("errors", "no task"),
        ("x", "unknown"),
    ):
        with pytest.raises(UserError, match=why):
            plot(tmp_path / "r", tmp_path / "f", kinds=kind)
    with pytest.raises(UserError, match="unknown format"):
        plot(tmp_path / "r", tmp_path / "f", form="gif")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no results"):
        plot(tmp_path / "empty", tmp_path / "f")


def test_a_learning_curve_is_of_the_splits_of_one_target(tmp_path: Path) -> None:
    sizes = {"data/a": 900, "data/a@fewer": 90, "data/b": 900}
    for seed in (0, 1):
        for task, size in sizes.items():
            write_result(tmp_path / "r", "m", task, seed, 90 / size, counts={"train": size, "test": 200})
    files = plot(tmp_path / "r", tmp_path / "f", kinds="learning").files
    rows = table(files[1])
    assert {(row["task"], int(row["records"])) for row in rows} == {("data/a", 900), ("data/a@fewer", 90)}
    curve = [float(row["score"]) for row in sorted(rows, key=lambda row: int(row["records"]))]
    assert curve[0] > 5 * curve[1]


def test_costs_of_two_devices_or_two_ways_of_measuring_share_no_axes(tmp_path: Path) -> None:
    """A second of one machine is not one of another, nor is one that was taken otherwise: a panel each."""
    measured = RunCost(
        device="here", seconds=1, processor_seconds=1, device_seconds=0, peak_memory=1, peak_device_memory=0,
        parameters=1, training=None, inference=10.0,
    )  # fmt: skip
    costs = {"a": {}, "b": {}, "c": {"device": "there"}, "d": {"version": 2}}
    results = []
    for model, change in costs.items():
        stored = write_result(tmp_path / "r", model)
        spent = measured.model_copy(update=change)
        results.append(replace(stored, result=stored.result.model_copy(update={"cost": spent})))
    [drawn] = cost(Shown(results, summarise(results), lambda stored: stored.result.checkpoint.name))
    shown = [{text.get_text() for text in panel.texts} for panel in drawn.figure.axes]
    assert sorted(shown, key=sorted) == [{"a", "b"}, {"c"}, {"d"}]
    assert {(row["device"], row["cost_version"]) for row in drawn.rows} == {
        ("here", 1),
        ("there", 1),
        ("here", 2),
    }


@pytest.fixture
def trained(toy_home: Path, checkpoint: Path, tmp_path: Path) -> Path:
    settings = ["training.steps=4", "evaluations=2", "training.batch_size=8"]
    report = molbench.evaluate(
        checkpoint, ["toy/size", "toy/mass", "toy/ring"], protocol=load_protocol("finetune", settings),
        seeds=1, executor="inline", output=tmp_path / "results",
    )  # fmt: skip
    assert not report.failures
    return tmp_path / "results"


@pytest.mark.slow
def test_every_kind_is_drawn_of_results_that_have_it_all(trained: Path, tmp_path: Path) -> None:
    plotted = plot(trained, tmp_path / "f")
    assert {*plotted.skipped} == {"learning"}  # splits of one size
    names = {path.stem for path in plotted.files}
    assert {"strip", "curves", "radar", "cost", "errors-toy-size", "parity-model"} <= names
    curve = [
        row
        for row in table(tmp_path / "f" / "curves.csv")
        if row["curve"] == "loss" and row["model"] == "model"
    ]
    assert sorted(int(row["step"]) for row in curve) == sorted([1, 2, 3, 4] * 3)
    costs = {row["model"]: row for row in table(tmp_path / "f" / "cost.csv")}
    assert float(costs["model"]["records_per_second"]) > 0 and int(costs["model"]["parameters"]) > 0
    shares = [float(row["share_of_best"]) for row in table(tmp_path / "f" / "radar.csv")]
    assert 0 < min(shares) <= max(shares) == 1


@pytest.mark.slow
def test_errors_are_those_of_the_records_of_a_group(trained: Path, tmp_path: Path) -> None:
    plot(trained, tmp_path / "f", kinds="errors", tasks="toy/size")
    stored = Stored.read(next(trained.glob("model/toy/size/*/0")))
    sizes = {f"m{i}": None for i in range(120)}
    store = molbench.Store.open(next(ref.folder for ref in Catalogue.load().tasks("toy/size")))
    batch = store.batch(np.arange(len(store)))
    sizes = dict(zip(store.ids.to_pylist(), batch.sizes.tolist(), strict=True))
    errors = np.abs(stored.predictions.prediction - stored.predictions.target) * 1000  # eV to meV
    of_size = np.array([sizes[name] for name in stored.predictions.ids])
    rows = [
        row
        for row in table(tmp_path / "f" / "errors-toy-size.csv")
        if row["by"] == "atoms" and row["model"] == "model"
    ]
    assert rows
    for row in rows:
        low, _, high = row["group"].partition("-")
        inside = (of_size >= int(low)) & (of_size <= int(high or low))
        assert int(row["n"]) == inside.sum()
        assert float(row["mean"]) == pytest.approx(errors[inside].mean())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discoveries_are_controlled_as_benjamini_and_hochberg_did(p: list[float]) -> None:
    assert false_discovery(np.array(p)) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.slow
def test_only_a_group_that_differs_is_named() -> None:
    """Without a difference few atlases name a group; with one they name it and its records."""
    rng = np.random.default_rng(0)
    inside = {f"g{i}": rng.random(300) < 0.3 for i in range(12)}
    groups = Grouping({"scaffold": inside}, [None] * 300)
    named = [bool(differing(groups, rng.normal(size=300))) for _ in range(60)]
    assert sum(named) <= 9  # 5 % expected
    difference = rng.normal(size=300) + 2.0 * inside["g3"]
    first = next(group for group in differing(groups, difference) if group.kind == "scaffold")
    assert first.name == "g3" and first.difference > 1
    assert difference[first.worst[0]] == difference[inside["g3"]].max()


@pytest.mark.slow
def test_an_atlas_lists_every_record(trained: Path, tmp_path: Path) -> None:
    scratch = next(path.name for path in trained.iterdir() if path.name.startswith("scratch-"))
    atlas("model", scratch, "toy/size", tmp_path / "atlas.svg", results=trained)
    rows = table(tmp_path / "atlas.csv")
    differences = [abs(float(row["difference"])) for row in rows]
    assert len(rows) == 24 and differences == sorted(differences, reverse=True)
    with pytest.raises(UserError, match="matches"):
        atlas("model", scratch, "toy/none", tmp_path / "atlas.svg", results=trained)
    shown = CliRunner().invoke(
        main.app,
        ["atlas", "model", scratch, "-t", "toy/size", "-o", str(tmp_path / "a.png"), "-r", str(trained)],
    )
    assert shown.exit_code == 0 and "groups of records differ" in shown.output


@pytest.mark.slow
def test_a_log_of_a_stranger_is_read_as_far_as_it_can_be(trained: Path, tmp_path: Path) -> None:
    log = next(trained.glob("model/toy/size/*/0/log.jsonl"))
    log.write_text(
        '[1]\n{"step": "x", "loss": 1}\nnot json\n{"step": 1, "loss": 2.5}\n' + json.dumps({"loss": 1})
    )
    files = plot(trained, tmp_path / "f", kinds="curves", tasks="toy/size").files
    assert [row["value"] for row in table(files[1]) if row["model"] == "model"] == ["2.5"]
