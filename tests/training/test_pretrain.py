import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask
from molbench.training.checkpoint import Checkpoint
from molbench.training.interrupt import InterruptedTrainingError
from molbench.training.loop import StepReport
from molbench.training.pretrain import pretrain, run_pretraining

SMILES = [
    "C",
    "N",
    "O",
    "CC",
    "CO",
    "CN",
    "C=C",
    "C#C",
    "CCO",
    "CCC",
    "CCN",
    "C1CC1",
    "CC=O",
    "CCCC",
    "CCCO",
    "OCCO",
]
SMALL: dict[str, Any] = {
    "backbone": {"width": 8, "interactions": 2},
    "training": {"batch_size": 4, "lr": 1e-3},
}


@pytest.fixture
def data(build_molecules: Callable[..., Path]) -> Path:
    return build_molecules("molecules", SMILES)


def run(output: Path, progress: Callable[[StepReport], None] | None = None, **changes: Any) -> Checkpoint:
    settings: dict[str, Any] = {"data": "molecules", "backbone": "painn", "steps": 6, "overrides": SMALL}
    request = ask(PretrainRequest, "geossl-ddm", output=output, **(settings | changes))
    return run_pretraining(request, progress)


@pytest.mark.parametrize("backbone", ["schnet", "painn"])
def test_checkpoint_holds_trained_weights_and_where_they_come_from(
    tmp_path: Path, data: Path, backbone: str
) -> None:
    made = run(tmp_path / "c.pt", backbone=backbone, exclude=["molecules/*"], seed=3)
    loaded = Checkpoint.load(tmp_path / "c.pt")
    assert loaded.digest == made.digest
    assert loaded.pretraining == made.pretraining
    assert (loaded.backbone, loaded.method, loaded.config["width"]) == (backbone, "geossl-ddm", 8)
    done = loaded.pretraining
    assert (done["dataset"], done["scheme"], done["split"]) == ("molecules", "size", "train")
    records = len(Store.open(data).rows("size", "train"))
    assert (done["steps"], done["seed"], done["records"]) == (6, 3, records)
    assert done["excluded"] == {
        "tasks": ["molecules/size"],
        "identities": ["molecules@size: inchikey"],
        "records": 0,
    }
    assert done["training"]["lr"] == 1e-3
    assert done["final_loss"] > 0
    assert list(tmp_path.glob("c*")) == [tmp_path / "c.pt"]
    loaded.build()


def test_what_is_trained_on_is_told_before_the_first_step(tmp_path: Path, data: Path) -> None:
    told: list[str] = []
    settings: dict[str, Any] = {"data": "molecules", "backbone": "painn", "steps": 6, "overrides": SMALL}
    request = ask(PretrainRequest, "coord", output=tmp_path / "c.pt", exclude="molecules/*", **settings)
    run_pretraining(request, lambda _report: told.append("a step"), told.append)
    records = len(Store.open(data).rows("size", "train"))
    assert told[:2] == [f"{records} molecules of molecules@size, 0 left out; 6 steps of 4", "a step"]
    of_pairs = {
        "data": "xtb-solvation",
        "backbone": "cigin",
        "steps": 1,
        "overrides": {"training": {"batch_size": 2}},
    }
    del told[:]
    run_pretraining(ask(PretrainRequest, "3dmrl", output=tmp_path / "p.pt", **of_pairs), prepared=told.append)
    assert "0.01 of all combinations of a first and a second molecule of pairs (method.share" in told[0]


def test_batches_that_are_too_small_for_the_method_leave_nothing_behind(tmp_path: Path) -> None:
    small = {"training": {"batch_size": 1}}
    with pytest.raises(UserError, match="batch_size: '3dmrl' needs 2 at least, not 1"):
        pretrain("3dmrl", backbone="cigin", data="xtb-solvation", output=tmp_path / "x.pt", overrides=small)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"seed": -1}, "training.seed: Input should be greater than or equal to 0"),
        ({"seed": "x"}, "training.seed: Input should be a valid integer"),
        ({"lr": math.inf}, "training.lr: Input should be a finite number"),
        ({"lr": True}, "'lr' takes no True"),
        ({"steps": 3}, "training.steps: no setting; the budget is --steps"),
    ],
)
def test_settings_of_training_are_checked_before_anything_is_drawn(
    tmp_path: Path, data: Path, setting: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        pretrain(
            "coord",
            backbone="painn",
            data="molecules",
            output=tmp_path / "x.pt",
            overrides={"training": setting},
        )
    assert not [*tmp_path.glob("x.pt*")]


def test_same_call_same_weights_and_seed_matters(tmp_path: Path, data: Path) -> None:
    first, again, other = (run(tmp_path / f"{i}.pt", seed=seed) for i, seed in enumerate((1, 1, 2)))
    assert first.digest == again.digest != other.digest


def test_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, data: Path) -> None:
    def stop(report: StepReport) -> None:
        if report.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    whole = run(tmp_path / "whole.pt")
    output = tmp_path / "parted.pt"
    with pytest.raises(InterruptedTrainingError, match="Repeat the same call"):
        run(output, progress=stop)
    assert not output.exists()
    with pytest.raises(UserError, match="seed was 42, is 9"):
        run(output, seed=9)
    with pytest.raises(UserError, match="method config was"):
        run(output, overrides=SMALL | {"method": {"beta": 0.5}})
    assert run(output).digest == whole.digest
    assert not output.with_name("parted.pt.state").exists()


def test_one_process_at_a_time_writes_a_checkpoint(tmp_path: Path, data: Path) -> None:
    output = tmp_path / "new" / "c.pt"

    def another(report: StepReport) -> None:
        if report.step == 1:
            with pytest.raises(UserError, match=r"c\.pt: another process is at it"):
                run(output, seed=5)

    made = run(output, progress=another)
    assert Checkpoint.load(output).digest == made.digest
    assert list(output.parent.iterdir()) == [output]


def test_what_is_refused_makes_no_folder(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UserError, match=r"training\.speed"):
        run(tmp_path / "new" / "c.pt", overrides={"training": {"speed": 1}})
    assert not (tmp_path / "new").exists()


def test_budget_in_epochs(tmp_path: Path, data: Path) -> None:
    made = run(tmp_path / "c.pt", steps=None, epochs=3)
    records = len(Store.open(data).rows("size", "train"))
    assert made.pretraining["steps"] == math.ceil(3 * records / 4)


def test_going_on_from_a_checkpoint(tmp_path: Path, data: Path) -> None:
    first = run(tmp_path / "first.pt")
    training = {"training": SMALL["training"] | {"lr": 1e-30}}
    second = run(tmp_path / "second.pt", backbone=None, init=tmp_path / "first.pt", overrides=training)
    assert second.pretraining["init"] == first.digest
    for name, value in first.state_dict.items():
        torch.testing.assert_close(second.state_dict[name], value)
    with pytest.raises(UserError, match="is a 'painn', not a 'schnet'"):
        run(tmp_path / "c.pt", backbone="schnet", init=tmp_path / "first.pt", overrides=training)
    with pytest.raises(UserError, match="cannot be configured anew"):
        run(tmp_path / "c.pt", init=tmp_path / "first.pt")


def test_provenance_accumulates_through_stages(tmp_path: Path, data: Path) -> None:
    first = run(tmp_path / "first.pt", exclude=["molecules/*"])
    common: dict[str, Any] = {"data": "molecules", "overrides": {"training": SMALL["training"]}}
    second = pretrain(
        "distance-prediction",
        output=tmp_path / "second.safetensors",
        init=tmp_path / "first.pt",
        steps=3,
        **common,
    )
    pretrain(
        "geossl-ddm", output=tmp_path / "third.pt", init=tmp_path / "second.safetensors", steps=2, **common
    )
    loaded = Checkpoint.load(tmp_path / "third.pt")
    assert loaded.pretraining["init"] == second.digest
    assert [stage["weights"] for stage in loaded.stages] == [first.digest, second.digest, loaded.digest]
    assert [(stage["method"], stage["steps"]) for stage in loaded.stages] == [
        ("geossl-ddm", 6),
        ("distance-prediction", 3),
        ("geossl-ddm", 2),
    ]
    # A record is all that the checkpoint of that stage said.
    kept = {name: value for name, value in first.pretraining.items() if name != "stages"}
    assert {name: loaded.stages[0][name] for name in kept} == kept
    assert loaded.stages[0]["method_config"] == first.method_config
    assert loaded.pretraining["stages"] == loaded.stages[:2] == second.stages
    assert first.pretraining["stages"] == []


def test_stages_before_the_first_of_ours(tmp_path: Path, data: Path) -> None:
    training = {"training": SMALL["training"]}
    made = run(tmp_path / "made.pt")
    origin = {"converted": {"from": "geossl", "release": "GeoSSL", "sha256": "1f"}}
    old = {name: value for name, value in made.pretraining.items() if name != "stages"} | {"init": "2e"}
    for name, method, provenance, expected in (
        ("random", None, {}, []),
        ("converted", "geossl", origin, [origin]),
        ("old", "geossl-ddm", old, [{}, old]),
    ):
        start = replace(made, method=method, pretraining=provenance)
        start.save(tmp_path / f"{name}.pt")
        done = run(
            tmp_path / f"{name}-2.pt", backbone=None, init=tmp_path / f"{name}.pt", overrides=training
        ).pretraining
        assert done["init"] == start.digest
        assert len(done["stages"]) == len(expected)
        for stage, told in zip(done["stages"], expected, strict=True):
            assert {key: stage[key] for key in told} == told
        if expected:
            assert (done["stages"][-1]["method"], done["stages"][-1]["weights"]) == (method, start.digest)


def test_existing_checkpoint_is_not_lost(tmp_path: Path, data: Path) -> None:
    (tmp_path / "c.pt").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        run(tmp_path / "c.pt")
    assert (tmp_path / "c.pt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": None}, "no backbone named"),
        ({"backbone": "resnet"}, "unknown backbone 'resnet'"),
        ({"variant": "best"}, "no variant 'best'"),
        ({"data": "elsewhere"}, "elsewhere"),
        ({"scheme": "scaffold"}, "no split scheme 'scaffold'"),
        ({"overrides": {"training": {"lr": "fast"}}}, "training.lr: Input should be a valid number"),
        ({"overrides": {"training": {"lrate": 1}}}, "training.lrate: Extra inputs"),
        ({"overrides": {"training": {"steps": 2}}}, "training.steps: no setting; the budget is --steps or"),
        ({"overrides": {"training": {"schedule": "plateau"}}}, "no validation for 'plateau'"),
        ({"overrides": {"method": {"gamma": 1}}}, "no setting 'gamma'"),
        ({"overrides": {"trainer": {}}}, "no group of settings 'trainer'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mistakes_are_named_before_anything_is_written(
    tmp_path: Path, data: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(tmp_path / "c.pt", **changes)
    assert not list(tmp_path.glob("c.pt*"))


def test_file_instead_of_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "Mine.xyz").touch()
    with pytest.raises(UserError, match=r"molbench data import .*Mine\.xyz --name mine"):
        run(tmp_path / "c.pt", data=tmp_path / "Mine.xyz")
