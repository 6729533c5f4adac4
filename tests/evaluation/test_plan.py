"""A result is used again if and only if nothing it depends on has changed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from molbench.errors import UserError
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
from molbench.evaluation.candidates.resolve import gather
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.protocols import load_protocol
from molbench.spec.catalogue import Catalogue


def _plan(
    checkpoint: Path,
    tasks: str = "toy/size",
    protocol: str = "probe",
    settings: tuple[str, ...] = (),
    seeds: int = 1,
) -> list[Run]:
    refs = Catalogue.load().tasks([tasks])
    return plan(
        [CheckpointCandidate.of_file(checkpoint)],
        refs,
        load_protocol(protocol, settings),
        range(seeds),
        Path("results"),
    ).runs


def _edit(path: Path, change: Any) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def test_results_lie_where_the_design_says(toy_home: Path, checkpoint: Path) -> None:
    (run,) = _plan(checkpoint, "toy/size@other")
    assert run.folder == Path("results/model/toy/size@other/probe/0")


def test_the_same_inputs_have_the_same_key(toy_home: Path, checkpoint: Path) -> None:
    copy = checkpoint.with_name("copy.pt")
    shutil.copy(checkpoint, copy)
    assert _plan(checkpoint)[0].key == _plan(checkpoint)[0].key == _plan(copy)[0].key


def test_every_input_changes_the_key(toy_home: Path, checkpoint: Path, save, monkeypatch) -> None:
    folder = toy_home / "datasets" / "toy"
    keys = [_plan(checkpoint)[0].key]

    def note(label: str, **arguments: Any) -> None:
        key = _plan(**({"checkpoint": checkpoint} | arguments))[-1].key
        assert key not in keys, label
        keys.append(key)

    note("seed", seeds=2)
    note("task", tasks="toy/mass")
    note("scheme", tasks="toy/size@other")
    note("protocol", protocol="finetune")
    note("setting", settings=("alphas=[1.0]",))
    note("weights", checkpoint=save(checkpoint.with_name("other.pt"), 101))
    _edit(folder / "tasks.yaml", lambda y: y["tasks"]["size"].update(version=2))
    note("task version")
    _edit(folder / "tasks.yaml", lambda y: y["tasks"]["size"].update(unit="eV"))
    note("reported unit")
    _edit(folder / "dataset.yaml", lambda y: y["targets"]["size"].update(unit="Hartree"))
    note("stored unit")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["schemes"]["random"]["content"] = "changed"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    note("records or split")
    _edit(folder / "splits.yaml", lambda y: y.update(cluster=["molecule"]))
    note("clusters")
    monkeypatch.setattr("molbench.evaluation.plan.EVALUATION_VERSION", 99)
    note("code")


def test_records_that_the_scheme_does_not_use_do_not_change_the_key(toy_home: Path, checkpoint: Path) -> None:
    path = toy_home / "datasets" / "toy" / "manifest.json"
    before = _plan(checkpoint)[0].key
    manifest = json.loads(path.read_text())
    manifest |= {"digest": "of more records", "records": 1000}
    manifest["schemes"]["other"]["content"] = "of other records"
    path.write_text(json.dumps(manifest))
    assert _plan(checkpoint)[0].key == before


def test_words_do_not_change_the_key(toy_home: Path, checkpoint: Path) -> None:
    before = _plan(checkpoint)[0].key
    _edit(toy_home / "datasets/toy/tasks.yaml", lambda y: y["tasks"]["size"].update(why="x", caveats=["y"]))
    assert _plan(checkpoint)[0].key == before


def test_scratch_has_other_weights_in_every_seed_and_the_same_in_every_plan(
    toy_home, checkpoint, save
) -> None:
    other = save(checkpoint.with_name("other.pt"), 101)
    candidates = gather([checkpoint, other], scratch=True)
    assert [c.is_scratch for c in candidates] == [False, False, True]
    refs = Catalogue.load().tasks(["toy/size"])
    first, again = (
        [
            run.encoder_digest
            for run in plan(candidates[2:], refs, load_protocol("probe"), range(3), Path("r")).runs
        ]
        for _ in range(2)
    )
    assert first == again and len(set(first)) == 3


def test_names_that_would_collide_are_refused(toy_home: Path, checkpoint: Path, save) -> None:
    twin = save(checkpoint.parent / "elsewhere" / "model.pt", 1)
    with pytest.raises(UserError, match="two models are called 'model'"):
        gather([checkpoint, twin], scratch=False)
    with pytest.raises(UserError, match="kept for baselines"):
        CheckpointCandidate.of_file(save(checkpoint.with_name("scratch-me.pt"), 1))


def test_datasets_that_are_not_built_are_named_with_the_command(toy_home: Path, checkpoint: Path) -> None:
    (toy_home / "datasets/toy/manifest.json").unlink()
    with pytest.raises(UserError, match=r"molbench data build toy .*2 tasks"):
        _plan(checkpoint, "toy/size,toy/mass")


def test_a_scheme_the_build_lacks_is_explained(toy_home: Path, checkpoint: Path) -> None:
    path = toy_home / "datasets/toy/manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["schemes"]["random"]
    manifest["left_out"] = {"random": "it needs all records"}
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="no split scheme 'random': it needs all records"):
        _plan(checkpoint)


@pytest.mark.parametrize(
    ("metrics", "message"), [(["mean"], "unknown metric 'mean'"), (["auroc"], "does not fit a task of kind")]
)
def test_metrics_must_exist_and_fit(
    toy_home: Path, checkpoint: Path, metrics: list[str], message: str
) -> None:
    _edit(toy_home / "datasets/toy/tasks.yaml", lambda y: y["tasks"]["size"].update(metrics=metrics))
    with pytest.raises(UserError, match=message):
        _plan(checkpoint)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stepz=3", "no setting 'stepz'"),
        ("steps", "write key=value"),
        ("frames=1", "greater than or equal"),
        ("training.steps=1", "no setting"),  # a probe has no such budget
        ("alphas=[]", "a probe needs alphas"),
        ("alphas=[0]", "positive"),
        ("name=best", "no setting 'name'"),
    ],
)
def test_wrong_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_protocol("probe", [setting])


def test_changed_settings_give_the_protocol_another_name() -> None:
    original = load_protocol("finetune")
    changed = load_protocol("finetune", ["steps=7", "forces.lr=1e-3"])
    assert (changed.training.steps, changed.forces.steps, changed.forces.lr) == (7, 7, 1e-3)
    assert changed.name.startswith("finetune-") and original.name == "finetune"
    assert load_protocol("finetune", [f"steps={original.training.steps}"]).name == "finetune"


def test_protocols_of_the_user_are_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("{name: mine, description: d, kind: probe, alphas: [1.0]}")
    assert load_protocol(str(path)).name == "mine"
    with pytest.raises(UserError, match="unknown protocol 'yours'"):
        load_protocol("yours")
