"""Audits find an encoder that breaks a law, and say nothing against one that keeps it."""

from pathlib import Path

import numpy as np
import pytest
import torch

import molbench
from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.evaluation.audits import AUDITS, symmetries
from molbench.evaluation.audits.base import EncoderAudit, Subject
from molbench.evaluation.audits.run import AuditVerdict, audit_model
from molbench.evaluation.figures.plot import plot
from molbench.evaluation.result import Stored
from molbench.leaderboard.build import build_boards
from molbench.releases.convert import convert_release
from molbench.spec.catalogue import Catalogue
from molbench.testing import example_batch
from tests.golden_files import read_golden
from tests.releases.test_convert import lightning_file

pytestmark = pytest.mark.slow

SMALL = {"width": 16, "layers": 2, "heads": 2, "radial": 8}


def save(path: Path, backbone: str = "torchmd-et", **config: object) -> Path:
    torch.manual_seed(0)
    built = build_backbone(backbone, config or SMALL)
    molbench.Checkpoint.of(built, method="m").save(path)
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return save(tmp_path / "sound.pt")


def laws(results: list[AuditVerdict], kind: str) -> dict[str, AuditVerdict]:
    wanted = kind == "pair"
    return {verdict.id: verdict for verdict in results if ("/pair-" in verdict.id) == wanted}


def test_every_audit_is_declared_with_a_version_and_a_sentence() -> None:
    refs = Catalogue.load().tasks("audit/*")
    assert {ref.name for ref in refs} == {*AUDITS}
    for ref in refs:
        assert ref.task.version >= 1 and ref.id == f"audit/{ref.name}"
        assert ref.task.why.endswith(".") and len(ref.task.why) < 120


def test_audits_are_no_tasks_unless_they_are_asked_for() -> None:
    assert not [ref.id for ref in Catalogue.load().tasks() if ref.task.kind == "audit"]
    assert not [ref.id for ref in Catalogue.load().tasks(suite="all") if ref.task.kind == "audit"]


def test_a_sound_encoder_keeps_every_law(sound: Path, tmp_path: Path) -> None:
    """Beside every number stands the version of the audit that gave it, in what is stored, too."""
    results = audit_model(sound, output=tmp_path / "results")
    assert not [verdict for verdict in results if verdict.passed is False]
    for name, verdict in laws(results, "molecule").items():
        stored = Stored.read(tmp_path / "results" / "sound" / name / "audit" / "0")
        assert stored.result.primary.value == pytest.approx(verdict.mean)
        assert stored.predictions.prediction.max() == verdict.worst
        assert stored.result.task.declaration.version == verdict.version
    assert {verdict.worst for verdict in laws(results, "pair").values()} == {None}
    assert all("one by one" in str(verdict.why) for verdict in laws(results, "pair").values())


@pytest.mark.parametrize("backbone", ["cigin", "cgib"])
def test_an_encoder_of_pairs_keeps_the_laws_of_pairs(backbone: str, tmp_path: Path) -> None:
    results = audit_model(save(tmp_path / "p.pt", backbone, hydrogens=False), output=tmp_path / "results")
    assert {verdict.passed for verdict in laws(results, "pair").values()} == {True, None}
    assert all(verdict.why is None for verdict in laws(results, "pair").values())
    assert all("encodes pairs" in str(verdict.why) for verdict in laws(results, "molecule").values())


@pytest.mark.parametrize("layer_norms", [False, True])
def test_the_whitening_of_the_releases_shows(layer_norms: bool, tmp_path: Path) -> None:
    """Anisotropic whitening: vectors do not turn with the molecule; stacked, not even scalars stay."""
    released = save(tmp_path / "released.pt", **SMALL, regulariser="anisotropic", layer_norms=layer_norms)
    (rotation, translation) = audit_model(released, only="rotation,translation", output=tmp_path / "r")
    assert rotation.passed is False and rotation.worst > 1e-4
    assert translation.passed is True


def test_the_released_encoder_breaks_rotation(golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, "molspectra_qm9line_stage2")
    convert_release(
        "molspectra", lightning_file(fixture, tmp_path / "released.ckpt"), tmp_path / "released.pt"
    )
    rotation, batch = audit_model(tmp_path / "released.pt", only="rotation,batch", output=tmp_path)
    assert rotation.passed is False and rotation.worst > 1e-3 and batch.passed is True


def test_what_was_done_is_used_again(sound: Path, tmp_path: Path) -> None:
    (before,) = audit_model(sound, only="rotation", output=tmp_path / "r")
    file = tmp_path / "r" / "sound" / "audit" / "rotation" / "audit" / "0" / "result.json"
    stamp = file.stat().st_mtime_ns
    assert audit_model(sound, only=["audit/rotation"], output=str(tmp_path / "r")) == [before]
    assert file.stat().st_mtime_ns == stamp
    file.write_text("{")
    assert audit_model(sound, only="rotation", output=tmp_path / "r") == [before]
    (tmp_path / "other").mkdir()
    other = save(tmp_path / "other" / "sound.pt", **SMALL | {"width": 8})
    with pytest.raises(UserError, match="other weights that were called 'sound'"):
        audit_model(other, only="rotation", output=tmp_path / "r")


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
        if self.fault == "cutoff":
            far = torch.cdist(place, place) < self.config.cutoff
            same = batch.molecule[:, None] == batch.molecule
            scalars = scalars + (far & same).sum(1, keepdim=True)
        if self.fault == "forces":
            scalars = scalars + (10 * place.detach()).sin().sum(1, keepdim=True)
        return type(encoded)(scalars, graph, encoded.vectors)


@pytest.mark.parametrize(
    ("fault", "audit"),
    [
        ("rotation", "rotation"), ("rotation", "reflection"), ("translation", "translation"),
        ("permutation", "permutation"), ("batch", "batch"), ("extensivity", "extensivity"),
        ("forces", "forces"), ("blind", "atom-types"), ("cutoff", "smoothness"),
    ],
)  # fmt: skip
def test_each_fault_is_found_by_its_audit(fault: str, audit: str) -> None:
    batch = example_batch((5, 7, 4), seed=3)
    faulty, sound = (Subject(Faulty(name), batch) for name in (fault, "none"))
    (ref,) = Catalogue.load().tasks(f"audit/{audit}")

    def keeps(subject: Subject) -> bool:
        return bool(np.asarray(AUDITS[audit].measure(subject)).max() <= ref.task.tolerance)

    assert keeps(sound) and not keeps(faulty)


def test_one_that_fails_leaves_the_others_alone(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_subject: Subject) -> np.ndarray:
        raise RuntimeError("no")

    monkeypatch.setattr(symmetries, "rotation", EncoderAudit("rotation", fail))
    one, two = audit_model(sound, only=["rotation", "batch"], output=tmp_path / "r")
    assert one.passed is False and "no" in str(one.why) and two.passed is True


def test_an_audit_has_its_own_protocol_and_no_other_task_has_it(sound: Path, tmp_path: Path) -> None:
    report = molbench.evaluate(
        sound, "audit/batch", protocol="finetune", seeds=2, scratch=False, output=tmp_path / "r"
    )
    (result,) = report.results
    assert (result.result.protocol.name, result.result.seed) == ("audit", 0)
    with pytest.raises(UserError, match="'audit' is of audits alone"):
        molbench.evaluate(sound, "xtb-molecules/homo", protocol="audit", output=tmp_path / "r")


def test_a_module_of_somebody_elses_is_audited_too(tmp_path: Path) -> None:
    class Sums(torch.nn.Module):
        """Features of atoms that do not turn with the molecule."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, z: torch.Tensor, pos: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
            return self.weight * torch.cat([pos[:, :1].sin(), z[:, None].to(pos)], dim=1)

    verdicts = audit_model(Sums(), only="rotation,permutation,pair-batch", output=tmp_path, name="sums")
    told = {verdict.id: verdict for verdict in verdicts}
    assert told["audit/rotation"].passed is False and told["audit/permutation"].passed is True
    assert told["audit/pair-batch"].why is not None


def test_vectors_alone_are_not_audited(tmp_path: Path) -> None:
    np.savez(tmp_path / "vectors.npz", smiles=np.array(["C"]), vector=np.ones((1, 2)))
    with pytest.raises(UserError, match="an audit asks the encoder itself"):
        audit_model(tmp_path / "vectors.npz", only="rotation", output=tmp_path / "r")


def test_audits_are_compared_plotted_and_ranked(tmp_path: Path) -> None:
    sound = save(tmp_path / "sound.pt")
    broken = save(tmp_path / "broken.pt", **SMALL, regulariser="anisotropic")
    results = tmp_path / "results"
    audit_model([sound, broken], only="rotation,batch", output=results)
    comparison = molbench.compare(results / "sound", results / "broken", tasks="audit/*")
    rotation = next(row for row in comparison.rows if row.task == "audit/rotation")
    assert rotation.delta.value < 0 and rotation.delta.half_width is not None
    drawn = plot(results, tmp_path / "figures", kinds="strip", form="svg", tasks="audit/*")
    assert "rotation" in (tmp_path / "figures" / "strip.csv").read_text() and len(drawn.files) == 2
    rules = tmp_path / "laws.yaml"
    rules.write_text(
        "name: laws\ntitle: Laws\ndescription: Of encoders.\ntasks: ['audit/rotation,audit/batch']\n"
        "protocol: audit\nseeds: 1\n"
    )
    built = build_boards(results, tmp_path / "boards", [str(rules)])
    rows = {row.model: row for row in built.records.boards[0].rows}
    assert not built.aside and (rows["sound"].rank, rows["broken"].rank) == (1, 2)
    assert "breaks its tolerance" in rows["broken"].warnings[0] and not rows["sound"].warnings


def test_a_broken_law_is_told_beside_every_score(tmp_path: Path) -> None:
    sound, broken = (
        save(tmp_path / "sound.pt"),
        save(tmp_path / "broken.pt", **SMALL, regulariser="anisotropic"),
    )
    report = molbench.evaluate(
        [sound, broken],
        "xtb-molecules/homo",
        seeds=1,
        scratch=False,
        output=tmp_path / "r",
        executor="inline",
    )
    told = {row.candidate: row.warnings for row in report.rows}
    assert told["sound"] == ()
    (warning,) = [text for text in told["broken"] if "law" in text]
    assert warning.startswith("breaks the law of rotation (")
