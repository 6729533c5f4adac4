"""Of a results folder nothing is believed but the predictions, and one bad result changes no other."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from molbench.errors import UserError
from molbench.evaluation import evaluate
from molbench.evaluation.prediction_columns import CLUSTERS
from molbench.evaluation.result import Stored
from molbench.evaluation.trust import read_trusted
from molbench.leaderboard import build_boards
from molbench.spec.catalogue import Catalogue
from tests.evaluation.tampering import predict, tell


@pytest.mark.slow
def test_honest_results_hold_and_are_not_changed(results: Path) -> None:
    good, bad = read_trusted(results, Catalogue.load())
    assert len(good) == 16 and not bad
    for stored in good:
        assert stored.result == Stored.read(stored.folder).result


@pytest.mark.slow
def test_clusters_are_those_of_the_dataset(results: Path) -> None:
    """Nobody makes an interval wider or narrower by saying what test records share."""
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    honest = Stored.read(folder)
    names = pa.array([["molecule:one"]] * len(honest.predictions.ids), CLUSTERS)
    predict(folder, clusters=names)
    assert Stored.read(folder).predictions.clusters is not None
    good, _ = read_trusted(results, Catalogue.load())
    (checked,) = [stored for stored in good if stored.folder == folder]
    assert checked.predictions.clusters is None and checked.result == honest.result


@pytest.mark.slow
def test_labels_are_those_of_the_dataset(results: Path) -> None:
    """A stranger's labels make no score: the dataset's are used, whatever the file says."""
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    before = Stored.read(folder)
    predict(folder, target=before.predictions.prediction)
    tell(folder, lambda content: content["metrics"]["mae"].update(value=0.0, half_width=0.0))
    good, bad = read_trusted(results, Catalogue.load())
    [stored] = [stored for stored in good if stored.folder == folder]
    assert not bad
    assert stored.result.metrics == before.result.metrics
    assert np.array_equal(stored.predictions.target, before.predictions.target)


@pytest.mark.slow
def test_rows_in_another_order_are_the_same(results: Path) -> None:
    for task in ("toy/size", "toy-frames/co"):
        folder = results / "model" / task / "probe" / "0"
        before = Stored.read(folder)
        given, order = before.predictions, np.random.default_rng(0).permutation(len(before.predictions.ids))
        forces = given.forces
        if forces is not None:
            pieces = [np.split(values, forces.offsets[1:-1]) for values in (forces.target, forces.prediction)]
            target, prediction = (np.concatenate([piece[i] for i in order]) for piece in pieces)
            sizes = np.diff(forces.offsets)[order]
            offsets = np.concatenate([[0], sizes.cumsum()])
            forces = replace(forces, target=target, prediction=prediction, offsets=offsets)
        predict(
            folder,
            ids=[given.ids[i] for i in order],
            target=given.target[order],
            prediction=given.prediction[order],
            forces=forces,
        )
        good, bad = read_trusted(results, Catalogue.load())
        assert not bad
        assert next(s for s in good if s.folder == folder).result == before.result


def _set(*path: str, to: Any) -> Callable[[Path], None]:
    def forge(folder: Path) -> None:
        def change(content: dict[str, Any]) -> None:
            for name in path[:-1]:
                content = content[name]
            content[path[-1]] = to

        tell(folder, change)

    return forge


def _without_a_record(folder: Path) -> None:
    given = Stored.read(folder).predictions
    predict(folder, ids=given.ids[1:], target=given.target[1:], prediction=given.prediction[1:])


def _with_a_record_more(folder: Path) -> None:
    given = Stored.read(folder).predictions
    more = {name: np.append(getattr(given, name), 1.0) for name in ("target", "prediction")}
    predict(folder, ids=[*given.ids, "m9999"], **more)


def _with_another_record(folder: Path) -> None:
    given = Stored.read(folder).predictions
    predict(folder, ids=["m9999", *given.ids[1:]])


def _in_another_unit(folder: Path) -> None:
    predict(folder, unit="meV")


def _elsewhere(folder: Path) -> None:
    shutil.move(folder, folder.with_name("7"))


def _of_another_seed(folder: Path) -> None:
    other = folder.with_name("5")
    shutil.copytree(folder, other)
    shutil.rmtree(folder)
    tell(other, lambda content: content.update(seed=5))


def _half(folder: Path) -> None:
    (folder / "result.json").write_text((folder / "result.json").read_text()[:100])


def _no_predictions(folder: Path) -> None:
    (folder / "predictions.parquet").write_bytes(b"PAR1 and nothing else PAR1")


def _huge(folder: Path) -> None:
    with (folder / "result.json").open("r+") as file:
        file.truncate(1 << 33)


def _deep(folder: Path) -> None:
    (folder / "result.json").write_text("[" * 100_000 + "]" * 100_000)


FORGERIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "another task": (_set("task", "id", to="toy/mass"), "belongs in"),
    "no task": (_set("task", "id", to="toy/none"), "belongs in"),
    "a path": (_set("checkpoint", "name", to="../../elsewhere"), "belongs in"),
    "another model": (_set("checkpoint", "name", to="other"), "belongs in"),
    "another seed": (_set("seed", to=1), "belongs in"),
    "moved": (_elsewhere, "belongs in"),
    "moved with its seed": (_of_another_seed, "key"),
    "other records": (_set("task", "split_digest", to="0" * 64), "records or split"),
    "other weights": (_set("checkpoint", "encoder_digest", to="0" * 64), "key"),
    "another key": (_set("key", to="0" * 64), "key"),
    "no number": (_set("seed", to="zero"), "not a result"),
    "a digest that is none": (_set("checkpoint", "encoder_digest", to="<script>"), "no SHA-256"),
    "another protocol": (_set("protocol", "name", to="finetune"), "belongs in"),
    "another recipe": (_set("protocol", "folds", to=2), "settings"),
    "another baseline": (_set("checkpoint", "baseline", to="scratch-weak"), "baseline"),
    "a baseline that it is not": (_set("checkpoint", "scratch", to=True), "is not what it says"),
    "a field too many": (_set("approved", to=True), "not a result"),
    "one record less": (_without_a_record, "no prediction for"),
    "one record more": (_with_a_record_more, "'m9999' is no test record"),
    "another record": (_with_another_record, "'m9999' is no test record"),
    "another unit": (_in_another_unit, "predictions are in meV"),
    "half a file": (_half, "not a result"),
    "no predictions": (_no_predictions, "damaged"),
    "a huge file": (_huge, "larger than"),
    "a deep file": (_deep, "not a result"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_result_is_set_aside_with_its_reason(results: Path, name: str) -> None:
    forge, told = FORGERIES[name]
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    before = {s.folder: s.result for s in read_trusted(results, Catalogue.load())[0]}
    forge(folder)
    good, bad = read_trusted(results, Catalogue.load())
    assert len(bad) == 1 and told in bad[0].reason, bad
    assert "\n" not in bad[0].reason
    assert {s.folder: s.result for s in good} == {k: v for k, v in before.items() if k != folder}


@pytest.mark.slow
def test_a_board_is_built_of_the_others(results: Path, tmp_path: Path) -> None:
    """Damaged results are told, each with its reason; no other model's row changes."""
    rules = tmp_path / "toy.yaml"
    rules.write_text(
        "name: toy\ntitle: Toy\ndescription: d\ntasks: ['toy/size,toy/mass,toy/ring']\nseeds: 2\n"
    )
    (before,) = build_boards(results, tmp_path / "before", [str(rules)]).records.boards
    forged = list(results.glob("model/toy/*/probe/0"))
    for folder, name in zip(forged, ("half a file", "no predictions", "one record less"), strict=True):
        FORGERIES[name][0](folder)
    built = build_boards(results, tmp_path / "after", [str(rules)])
    assert {one.path: bool(one.reason) for one in built.aside} == dict.fromkeys(forged, True)
    (after,) = built.records.boards
    one, other = ({row.model: row for row in table.rows} for table in (before, after))
    assert one["model"].tasks == 3 and other["model"].tasks == 0 and other["model"].rank is None
    (scratch,) = one.keys() - {"model"}
    assert other[scratch].relative_error == one[scratch].relative_error
    assert [s for s in after.scores if s.model == scratch] == [s for s in before.scores if s.model == scratch]


@pytest.mark.slow
def test_a_weakened_baseline_is_caught(results: Path) -> None:
    """Scratch results of an encoder that is not the one its seed gives."""
    [scratch] = [path for path in results.iterdir() if path.name.startswith("scratch-")]
    folder = scratch / "toy" / "size" / "probe" / "0"
    tell(folder, lambda content: content["checkpoint"].update(encoder_digest="1" * 64))
    _, [bad] = read_trusted(results, Catalogue.load())
    assert "its weights are not those that seed 0 gives" in bad.reason or "key" in bad.reason


@pytest.mark.slow
def test_one_prediction_under_two_seeds_is_no_second_seed(results: Path) -> None:
    first, second = (results / "model" / "toy-frames" / "co" / "probe" / seed for seed in "01")
    shutil.copy(first / "predictions.parquet", second / "predictions.parquet")
    good, bad = read_trusted(results, Catalogue.load())
    assert {rejection.folder for rejection in bad} == {first, second}
    assert all("under seeds 0, 1" in rejection.reason for rejection in bad)
    assert len(good) == 14


@pytest.mark.slow
def test_a_last_digit_makes_no_second_seed(results: Path) -> None:
    first, second = (results / "model" / "toy-frames" / "co" / "probe" / seed for seed in "01")
    given = Stored.read(first).predictions
    predict(second, prediction=given.prediction * (1 + 1e-12), forces=given.forces)
    _, bad = read_trusted(results, Catalogue.load())
    assert {rejection.folder for rejection in bad} == {first, second}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a\u202egnp", "a\nb", "=cmd", "<b>x", "A"])
def test_a_name_is_one_however_it_came_there(results: Path, name: str) -> None:
    shutil.move(results / "model", results / name)
    for path in (results / name).rglob("result.json"):
        tell(path.parent, lambda content: content["checkpoint"].update(name=name))
    good, bad = read_trusted(results, Catalogue.load())
    assert len(bad) == 8 and all("its name" in rejection.reason for rejection in bad)
    assert all(stored.result.checkpoint.scratch for stored in good)


@pytest.mark.slow
def test_results_of_one_model_do_not_contradict_each_other(results: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    tell(folder, lambda content: content["checkpoint"].update(method="another"))
    good, bad = read_trusted(results, Catalogue.load())
    assert len(bad) == 8 and all("say different things" in rejection.reason for rejection in bad)
    assert all(stored.result.checkpoint.scratch for stored in good)


@pytest.mark.slow
def test_what_was_seen_in_pretraining_is_not_hidden(results: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    for stage in ({"dataset": "toy", "scheme": "random"}, {"dataset": "toy"}):
        tell(folder, lambda content, stage=stage: content["checkpoint"].update(pretraining=stage))
        for told in (None, "pretrained on nothing"):
            tell(folder, lambda content, told=told: content.update(overlap=told))
            (stored,) = [s for s in read_trusted(results, Catalogue.load())[0] if s.folder == folder]
            assert "pretrained on the same dataset ('toy'" in str(stored.result.overlap)


@pytest.mark.slow
def test_other_weights_of_the_same_name_do_not_take_the_place_of_stored_results(
    results: Path, checkpoint: Path, save
) -> None:
    before = (results / "model" / "toy" / "size" / "probe" / "0" / "result.json").read_bytes()
    checkpoint.unlink()
    save(checkpoint, 7)
    with pytest.raises(UserError, match="result of other weights that were called 'model'"):
        evaluate([checkpoint], ["toy/size"], seeds=1, output=results, executor="inline")
    assert (results / "model" / "toy" / "size" / "probe" / "0" / "result.json").read_bytes() == before
    shutil.rmtree(results / "model" / "toy" / "size")  # nor do they stand beside them on another task
    with pytest.raises(UserError, match="result of other weights that were called 'model'"):
        evaluate([checkpoint], ["toy/size"], seeds=1, output=results, executor="inline")
    assert not (results / "model" / "toy" / "size").exists()


@pytest.mark.slow
def test_a_forged_result_is_made_again(results: Path, checkpoint: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    honest = Stored.read(folder).result.metrics
    given = Stored.read(folder).predictions
    predict(folder, ids=given.ids[1:], target=given.target[1:], prediction=given.prediction[1:])
    report = evaluate([checkpoint], ["toy/size"], seeds=2, output=results, executor="inline")
    assert report.reused == 3
    assert Stored.read(folder).result.metrics == honest
