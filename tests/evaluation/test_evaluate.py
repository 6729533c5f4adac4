"""From checkpoint files to results on disk: complete, re-computable, re-used, and interruptible."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from molbench.errors import UserError
from molbench.evaluation import Predictions, Watcher, evaluate, read_results
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.score import score
from molbench.training.interrupt import InterruptedTrainingError
from tests.evaluation import toy

FAST = load_protocol("probe", ["frames=8"])


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_results_hold_all_that_is_needed_to_score_them_again(
    toy_home: Path, checkpoint: Path, tmp_path: Path
) -> None:
    report = evaluate(
        [checkpoint], ["toy*/*"], protocol=FAST, seeds=2, output=tmp_path / "r", executor="inline"
    )
    assert not report.failures and len(report.results) == 5 * 2 * 2
    for stored in read_results(tmp_path / "r"):
        result = stored.result
        again = score(result.task.declaration, Predictions.read(stored.folder / "predictions.parquet"))
        assert again == result.metrics
        scores = pq.read_table(stored.folder / "predictions.parquet", partitioning=None).column("score")
        assert np.mean(scores.to_numpy()) == pytest.approx(result.primary.value)
        assert result.n == result.task.counts["test"] == len(stored.predictions.ids)
        assert result.environment["torch"] and result.seconds["run"] > 0
    assert {path.name for path in (tmp_path / "r").rglob("*") if path.is_file()} == {
        "result.json",
        "predictions.parquet",
    }
    cells = {(cell.candidate, cell.task): cell for cell in report.rows}
    own, base = cells["model", "toy/size"], cells["scratch-schnet-bc747d3d", "toy/size"]
    assert own.delta.value == pytest.approx(own.mean - base.mean) and base.delta is None
    values = [
        s.result.primary.value for s in report.results if s.folder.parts[-4:-1] == ("toy", "size", FAST.name)
    ]
    assert own.mean == pytest.approx(np.mean(values[:2])) and own.seeds == (0, 1)


def test_the_order_of_results_is_of_the_plan_and_nothing_is_computed_twice(
    toy_home: Path, checkpoint: Path, tmp_path: Path
) -> None:
    calls: list[int] = []
    first = evaluate([checkpoint], ["toy/size,toy/mass"], seeds=1, output=tmp_path / "r", executor="inline")
    before = _files(tmp_path / "r")
    again = evaluate(
        [checkpoint],
        ["toy/size,toy/mass"],
        seeds=1,
        output=tmp_path / "r",
        watcher=Watcher(done=lambda _: calls.append(1)),
    )
    assert again.reused == 4 and not calls
    assert again.rows == first.rows and _files(tmp_path / "r") == before


@pytest.mark.parametrize("name", ["predictions.parquet", "result.json"])
def test_half_a_result_is_no_result(toy_home, checkpoint, tmp_path, name: str) -> None:
    arguments = {"seeds": 1, "output": tmp_path / "r", "scratch": False, "executor": "inline"}
    first = evaluate([checkpoint], ["toy/size"], **arguments)
    (first.results[0].folder / name).unlink()
    again = evaluate([checkpoint], ["toy/size"], **arguments)
    assert again.reused == 0 and again.rows == first.rows


@pytest.mark.slow
def test_processes_give_what_one_process_gives(toy_home: Path, checkpoint: Path, tmp_path: Path) -> None:
    reports = [
        evaluate(
            [checkpoint], ["toy/size,toy-frames/co"], protocol=FAST, seeds=1, output=tmp_path / e, executor=e
        )
        for e in ("inline", "local")
    ]
    for here, there in zip(*(report.results for report in reports), strict=True):
        assert np.allclose(here.predictions.prediction, there.predictions.prediction, rtol=1e-5)
        assert here.result.key == there.result.key


def test_a_run_that_fails_leaves_the_others_alone(
    toy_home: Path, checkpoint: Path, tmp_path: Path, monkeypatch
) -> None:
    from molbench.evaluation import probe

    real = probe.probe

    def fail(features, data, protocol, seed):
        if data.task.name == "mass":
            raise UserError("no luck")
        return real(features, data, protocol, seed)

    monkeypatch.setattr(probe, "probe", fail)
    report = evaluate([checkpoint], ["toy/mass,toy/size"], seeds=1, output=tmp_path / "r", executor="inline")
    assert [(o.run.task.id, o.error) for o in report.failures] == [("toy/mass", "no luck")] * 2
    assert {cell.task for cell in report.rows} == {"toy/size"}


def test_an_interrupted_finetune_is_continued_to_the_same_result(
    toy_home, checkpoint, tmp_path, monkeypatch
) -> None:
    import signal

    protocol = load_protocol("finetune", ["steps=30", "evaluations=3", "batch_size=8"])
    arguments = {"protocol": protocol, "seeds": 1, "scratch": False, "executor": "inline"}
    whole = evaluate([checkpoint], ["toy/size"], output=tmp_path / "whole", **arguments)

    def interrupt(_run, report) -> None:
        if report.step == 12:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedTrainingError):
        evaluate(
            [checkpoint], ["toy/size"], output=tmp_path / "cut", watcher=Watcher(step=interrupt), **arguments
        )
    assert not list((tmp_path / "cut").rglob("result.json"))
    steps: list[int] = []
    watcher = Watcher(step=lambda _run, report: steps.append(report.step))
    cut = evaluate([checkpoint], ["toy/size"], output=tmp_path / "cut", watcher=watcher, **arguments)
    assert 12 < steps[0] <= 14
    assert np.array_equal(whole.results[0].predictions.prediction, cut.results[0].predictions.prediction)
    assert not list((tmp_path / "cut").rglob("state*"))


def test_pretraining_on_the_same_dataset_is_noted(toy_home, save, tmp_path) -> None:
    path = save(tmp_path / "seen.pt", 1, pretraining={"dataset": "toy", "scheme": "random", "excluded": None})
    report = evaluate([path], ["toy/size"], seeds=1, output=tmp_path / "r", executor="inline")
    notes = {s.result.checkpoint.name: s.result.overlap for s in report.results}
    assert notes["seen"] == "pretrained on the same dataset ('toy', training split of scheme 'random')"
    assert notes["scratch-schnet-bc747d3d"] is None
    kept_out = {"tasks": ["toy/*"], "records": 5}
    path = save(tmp_path / "clean.pt", 1, pretraining={"dataset": "geom", "excluded": kept_out})
    report = evaluate([path], ["toy/size"], seeds=1, output=tmp_path / "r", executor="inline")
    note = report.results[0].result.overlap
    assert note == "pretrained on 'geom'; 5 records left out because they are in the test splits of toy/*"


def test_partial_datasets_are_marked(toy_home, checkpoint, tmp_path) -> None:
    toy.write_molecules(toy_home, n=60, partial=True)
    report = evaluate([checkpoint], ["toy-partial/size"], seeds=1, output=tmp_path / "r", executor="inline")
    entry = report.results[0].result.task
    assert (entry.id, entry.dataset, entry.partial) == ("toy-partial/size", "toy-partial", True)


def test_results_are_strict_json(toy_home, checkpoint, tmp_path) -> None:
    evaluate([checkpoint], ["toy/size"], seeds=1, output=tmp_path / "r", scratch=False, executor="inline")
    (path,) = (tmp_path / "r").rglob("result.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["surprise"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"result.json: not a result"):
        read_results(tmp_path / "r")
