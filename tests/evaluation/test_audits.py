"""Audits find an encoder that breaks a law, and say nothing against one that keeps it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import molbench
from molbench.backbones import build_backbone
from molbench.cli import main
from molbench.errors import UserError
from molbench.evaluation.audits.base import Subject
from molbench.evaluation.audits.run import AUDITS, audit_model
from molbench.releases.convert import convert
from molbench.testing import example_batch
from tests.golden_files import read_golden
from tests.releases.test_convert import lightning_file

NAMES = {
    "rotation", "reflection", "translation", "permutation", "batch", "extensivity", "precision", "forces",
    "smoothness", "nve-drift", "coordinate-noise", "atom-types", "conformers",
}  # fmt: skip
SMALL = {"width": 16, "layers": 2, "heads": 2, "radial": 8}


def save(path: Path, backbone: str = "torchmd-et", **config: object) -> Path:
    torch.manual_seed(0)
    built = build_backbone(backbone, config or SMALL)
    molbench.Checkpoint.of(built, method="m").save(path)
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return save(tmp_path / "sound.pt")


def test_every_audit_has_a_version_and_a_sentence() -> None:
    assert {*AUDITS} == NAMES
    for audit in AUDITS.values():
        assert audit.version >= 1 and audit.id == f"audit/{audit.name}"
        assert audit.meaning.endswith(".") and len(audit.meaning) < 120


def test_a_sound_encoder_keeps_every_law(sound: Path, tmp_path: Path) -> None:
    results = audit_model(sound, output=tmp_path / "results")
    assert {result.id.removeprefix("audit/") for result in results} == NAMES
    broken = {result.id: result.score for result in results if result.passed is False}
    assert not broken
    for result in results:
        stored = tmp_path / "results" / "sound" / result.id / "audit.json"
        assert json.loads(stored.read_text())["score"] == result.score


@pytest.mark.parametrize("layer_norms", [False, True])
def test_the_whitening_of_the_releases_shows(layer_norms: bool, tmp_path: Path) -> None:
    """Anisotropic whitening: vectors do not turn with the molecule; stacked, not even scalars stay."""
    released = save(tmp_path / "released.pt", **SMALL, regulariser="anisotropic", layer_norms=layer_norms)
    (rotation, translation) = audit_model(released, only="rotation,translation", output=tmp_path / "r")
    assert rotation.passed is False and rotation.score > 1e-4
    assert translation.passed is True


def test_the_released_encoder_breaks_rotation(golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, "molspectra_qm9line_stage2")
    convert("molspectra", lightning_file(fixture, tmp_path / "released.ckpt"), tmp_path / "released.pt")
    rotation, batch = audit_model(tmp_path / "released.pt", only="rotation,batch", output=tmp_path)
    assert rotation.passed is False and rotation.score > 1e-3 and batch.passed is True


def test_what_was_done_is_used_again(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = audit_model(sound, only="rotation", output=tmp_path / "r")
    file = tmp_path / "r" / "sound" / "audit" / "rotation" / "audit.json"
    stamp = file.stat().st_mtime_ns
    assert audit_model(sound, only=["audit/rotation"], output=str(tmp_path / "r")) == [before]
    assert file.stat().st_mtime_ns == stamp
    file.write_text("{")
    assert audit_model(sound, only="rotation", output=tmp_path / "r") == [before]
    (tmp_path / "other").mkdir()
    other = save(tmp_path / "other" / "sound.pt", **SMALL | {"width": 8})
    (after,) = audit_model(other, only="rotation", output=tmp_path / "r")
    assert after.key != before.key


class Faulty(torch.nn.Module):
    """An encoder with one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = build_backbone("torchmd-et", SMALL).double().eval()
        self.fault, self.width, self.config = fault, self.inner.width, self.inner.config

    def forward(self, batch, *, vectors: bool = False):
        if self.fault == "blind":
            batch = batch.replace(atomic_numbers=torch.full_like(batch.atomic_numbers, 6))
        encoded = self.inner(batch, vectors=vectors)
        scalars, graph = encoded.scalars, encoded.graph
        place = batch.positions
        if self.fault == "rotation":
            graph = graph + place[:, :1].new_zeros(len(graph), 1).index_add(0, batch.molecule, place[:, :1])
        if self.fault == "translation":
            graph = graph + place.norm(dim=1).max()
        if self.fault == "permutation":
            scalars = scalars + torch.arange(len(scalars), dtype=scalars.dtype)[:, None]
        if self.fault == "batch":
            graph = graph + graph.mean(0)
        if self.fault == "extensivity":
            graph = graph + batch.sizes.to(graph)[:, None] ** 2
        if self.fault == "forces":
            scalars = scalars + (10 * place.detach()).sin().sum(1, keepdim=True)
        return type(encoded)(scalars, graph, encoded.vectors)


@pytest.mark.parametrize(
    ("fault", "audit"),
    [
        ("rotation", "rotation"), ("rotation", "reflection"), ("translation", "translation"),
        ("permutation", "permutation"), ("batch", "batch"), ("extensivity", "extensivity"),
        ("forces", "forces"), ("blind", "atom-types"),
    ],
)  # fmt: skip
def test_each_fault_is_found_by_its_audit(fault: str, audit: str) -> None:
    batch = example_batch((5, 7, 4), seed=3)
    faulty, sound = (Subject(Faulty(name), batch, []) for name in (fault, "none"))
    chosen = AUDITS[audit]

    def keeps(subject: Subject) -> bool:
        values = np.asarray(chosen.measure(subject))
        if chosen.bound == "at least":
            return bool(values.min() >= chosen.tolerance)
        return bool(values.max() <= chosen.tolerance)

    assert keeps(sound) and not keeps(faulty)


def test_one_that_fails_leaves_the_others_alone(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_subject: Subject) -> np.ndarray:
        raise RuntimeError("no")

    monkeypatch.setitem(AUDITS, "rotation", replace(AUDITS["rotation"], measure=fail))
    one, two = audit_model(sound, only=["rotation", "batch"], output=tmp_path / "r")
    assert one.passed is False and "no" in str(one.not_applicable) and two.passed is True


def test_mistakes_are_explained(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown audit 'rotatoin' \(did you mean 'rotation'"):
        audit_model(sound, only="rotatoin", output=tmp_path)
    with pytest.raises(UserError, match="needs an encoder of geometries"):
        audit_model(save(tmp_path / "pairs.pt", "cigin", steps=1), output=tmp_path)


def test_the_command_prints_what_is_broken(tmp_path: Path) -> None:
    released = save(tmp_path / "released.pt", **SMALL, regulariser="anisotropic")
    arguments = ["audit", "model", str(released), "--only", "rotation,batch", "-o", str(tmp_path / "r")]
    shown = CliRunner().invoke(main.app, arguments)
    assert shown.exit_code == 0 and "BROKEN" in shown.output and "audit/batch" in shown.output
    listed = json.loads(CliRunner().invoke(main.app, [*arguments, "--json"]).output)
    assert [result["passed"] for result in listed] == [False, True]
