import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molbench.backbones import BACKBONES, build_backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.testing import small_backbone
from molbench.training.checkpoint import Checkpoint
from tests.backbones.relational_pairs import example_pairs

SMALL = {"width": 16, "interactions": 2}


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    return Checkpoint.of(
        build_backbone("painn", SMALL),
        method="geossl-ddm",
        method_config={"beta": 2.0},
        pretraining={
            "dataset": "toy",
            "digest": "abc",
            "excluded": {"tasks": ("a", "b")},
            "steps": 3,
            "seed": 0,
        },
        environment={"torch": "x"},
    )


def content(**changes: Any) -> dict[str, Any]:
    """What a ``.pt`` file holds, written by hand."""
    part = {"name": "painn", "config": SMALL}
    weights = {name: value.clone() for name, value in build_backbone("painn", SMALL).state_dict().items()}
    return {
        "format": "molbench-checkpoint",
        "version": 1,
        "backbone": part,
        "method": {"name": None, "config": {}},
        "pretraining": {},
        "environment": {},
        "state_dict": weights,
    } | changes


def water() -> MoleculeBatch:
    positions = torch.tensor([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
    return MoleculeBatch(torch.tensor([8, 1, 1]), positions, torch.tensor([0, 3]))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("name", list(BACKBONES))
def test_round_trip(tmp_path: Path, name: str, suffix: str) -> None:
    torch.manual_seed(1)
    backbone = small_backbone(name).eval()
    saved = Checkpoint.of(
        backbone, method="m", pretraining={"steps": 3, "note": None, "list": [1, 2.5, True]}
    )
    saved.save(tmp_path / f"c{suffix}")
    loaded = Checkpoint.load(tmp_path / f"c{suffix}")
    assert loaded.digest == saved.digest
    for attribute in ("backbone", "config", "method", "method_config", "pretraining", "environment"):
        assert getattr(loaded, attribute) == getattr(saved, attribute)
    batch = (
        example_pairs(kind=backbone.features, dtype=torch.float32)
        if isinstance(backbone, PairBackbone)
        else water()
    )
    assert torch.equal(loaded.build()(batch).graph, backbone(batch).graph)


def test_file_is_a_plain_dict_of_the_documented_keys(tmp_path: Path, checkpoint: Checkpoint) -> None:
    checkpoint.save(tmp_path / "c.pt")
    plain = torch.load(tmp_path / "c.pt", weights_only=True)
    assert set(plain) == {
        "format",
        "version",
        "backbone",
        "method",
        "pretraining",
        "environment",
        "state_dict",
    }
    assert plain["backbone"]["name"] == "painn"
    assert plain["pretraining"]["excluded"]["tasks"] == ["a", "b"]
    assert all(isinstance(value, Tensor) for value in plain["state_dict"].values())


def test_digest_follows_the_weights_alone(checkpoint: Checkpoint) -> None:
    weights = checkpoint.state_dict
    name = next(iter(weights))
    again = Checkpoint("schnet", {}, dict(reversed(weights.items())))
    assert again.digest == checkpoint.digest
    assert Checkpoint("painn", {}, weights | {name: weights[name] + 1}).digest != checkpoint.digest
    assert Checkpoint("painn", {}, weights | {name: weights[name].double()}).digest != checkpoint.digest
    assert Checkpoint("painn", {}, weights | {name: weights[name].reshape(-1)}).digest != checkpoint.digest


class Payload:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (exec, ("import pathlib; pathlib.Path('executed').touch()",))


def test_pickle_that_calls_code_is_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content(environment={"x": Payload()}), tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"names '__builtin__\.exec', which is not plain data: refused"):
        Checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "executed").exists()
    # The payload works where pickle is trusted, so the test above means something.
    torch.load(tmp_path / "evil.pt", weights_only=False)
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_bare_pickle_is_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.pt").write_bytes(pickle.dumps(Payload(), protocol=protocol))
    with pytest.raises(UserError, match="no zip archive"):
        Checkpoint.load(tmp_path / "c.pt")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_truncated_file_is_damaged(tmp_path: Path, checkpoint: Checkpoint, suffix: str, keep: float) -> None:
    path = tmp_path / f"c{suffix}"
    checkpoint.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(UserError, match=r"truncated|damaged"):
        Checkpoint.load(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2], "holds a list"),
        ({"state_dict": {}}, "'format' is not"),
        (content(version=99), "format version 99"),
        (content(backbone="painn"), "backbone: Input should be"),
        (content(backbone={"name": "painn"}), "backbone.config: Field required"),
        (content(surprise=1), "surprise: Extra inputs"),
        (content(pretraining={"x": torch.ones(1)}), "more than finite numbers, text and tensors"),
        (content(state_dict={}), "no weights"),
        (content(state_dict={"a": 1.0}), r"state_dict\['a'\] is no dense tensor"),
        (content(state_dict={"a": torch.eye(2).to_sparse()}), "_rebuild_sparse_tensor', which is not plain"),
        (content(state_dict={"a": torch.zeros(1).expand(10**9)}), "claims more values"),
        (content(state_dict={"a": torch.tensor([1.0, float("nan")])}), "not finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_content_is_named(tmp_path: Path, value: Any, message: str) -> None:
    torch.save(value, tmp_path / "c.pt")
    with pytest.raises(UserError, match=message):
        Checkpoint.load(tmp_path / "c.pt")


def test_compressed_archive_is_refused(tmp_path: Path) -> None:
    stored = io.BytesIO()
    torch.save(content(), stored)
    with zipfile.ZipFile(stored) as old, zipfile.ZipFile(tmp_path / "c.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(UserError, match="is compressed"):
        Checkpoint.load(tmp_path / "c.pt")


def test_safetensors_without_header_or_with_a_broken_one(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "c.safetensors"
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(UserError, match="nothing in the file says of which backbone"):
        Checkpoint.load(path)
    save_file({"a": torch.ones(1)}, path, metadata={"molbench": json.dumps({"format": "other"})})
    with pytest.raises(UserError, match="'format' is not"):
        Checkpoint.load(path)
    save_file({"a": torch.ones(1)}, path, metadata={"molbench": "{"})
    with pytest.raises(UserError, match="damaged"):
        Checkpoint.load(path)


def test_missing_file_and_wrong_name(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="no such file"):
        Checkpoint.load(tmp_path / "c.pt")
    with pytest.raises(UserError, match=r"named \*\.pt or"):
        Checkpoint.load(tmp_path / "c.ckpt")
    with pytest.raises(UserError, match=r"named \*\.pt or"):
        checkpoint.save(tmp_path / "c.pkl")


def test_weights_that_do_not_fit_are_listed(checkpoint: Checkpoint) -> None:
    weights = dict(checkpoint.state_dict)
    first, second = list(weights)[:2]
    weights["extra"] = weights.pop(first)
    weights[second] = weights[second].new_zeros(3, 5, 7)
    with pytest.raises(UserError) as caught:
        Checkpoint("painn", SMALL, weights).build()
    message = str(caught.value)
    assert f"missing: {first}" in message
    assert "unexpected: extra" in message
    assert f"of another shape: {second} (3, 5, 7) for" in message


def test_unknown_backbone_and_setting(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="unknown backbone 'resnet'"):
        Checkpoint("resnet", {}, checkpoint.state_dict).build()
    with pytest.raises(UserError, match=r"setting .width.: Input should be greater than 0, not -1"):
        Checkpoint("painn", {"width": -1}, checkpoint.state_dict).build()
    with pytest.raises(UserError, match="no setting 'depth'"):
        Checkpoint("painn", {"depth": 3}, checkpoint.state_dict).build()


@pytest.mark.parametrize("setting", [{"width": 10**6}, {"width": 10**4}, {"interactions": 10**6}])
def test_configuration_cannot_ask_for_more_memory_than_the_weights_have(
    checkpoint: Checkpoint, setting: dict[str, int]
) -> None:
    with pytest.raises(UserError, match="far larger than its"):
        Checkpoint("painn", SMALL | setting, checkpoint.state_dict).build()


def test_failed_save_leaves_the_old_file(tmp_path: Path, checkpoint: Checkpoint) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        Checkpoint("painn", SMALL, checkpoint.state_dict, environment={"x": object()}).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
