"""What a user finds in ``import molbench``: names, any kind of argument, objects that show themselves."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import molbench
from molbench.backbones import BACKBONES, build_backbone
from molbench.errors import UserError
from tests.leaderboard.conftest import write_result

SMALL = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4, "cutoff": 3.0}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.pt"
    molbench.Checkpoint.of(build_backbone("schnet", SMALL), method="m").save(path)
    return path


def test_everything_public_is_listed_and_there() -> None:
    assert dir(molbench) == sorted(molbench.__all__)
    for name in molbench.__all__:
        assert getattr(molbench, name) is not None
        assert name.startswith("__") or getattr(molbench, name).__doc__


@pytest.mark.slow
def test_importing_takes_no_time() -> None:
    code = "import time; start = time.process_time(); import molbench; print(time.process_time() - start)"
    command = [sys.executable, "-c", code]
    runs = [subprocess.run(command, capture_output=True, check=True, timeout=60) for _ in range(3)]
    times = [float(run.stdout) for run in runs]
    assert min(times) < 0.1


@pytest.mark.parametrize(
    ("listing", "member"),
    [
        (molbench.list_datasets, "xtb-molecules"),
        (molbench.list_tasks, "xtb-molecules/homo"),
        (molbench.list_suites, "embedded"),
        (molbench.list_methods, "coord"),
        (molbench.list_backbones, "schnet"),
        (molbench.list_protocols, "probe"),
    ],
)
def test_what_there_is_can_be_listed(listing: Callable[..., list[str]], member: str) -> None:
    names = listing()
    assert member in names and len(set(names)) == len(names)
    assert listing(member) == [member]


def test_one_or_many_as_text_or_path(tmp_path: Path) -> None:
    for model in ("a", "b"):
        write_result(tmp_path, model)
    for one in (tmp_path / "a", str(tmp_path / "a")):
        assert molbench.Report.read(one).models == ["a"]
        assert molbench.compare(one, str(tmp_path / "b"), tasks=["data/*"]).rows
    assert molbench.Report.read(tmp_path, "data/*").tasks == molbench.Report.read(tmp_path, ["data/a"]).tasks
    catalogue = molbench.Catalogue.load()
    assert catalogue.tasks("xtb-molecules/homo")[0].id == catalogue.tasks(["xtb-molecules/homo"])[0].id


def test_a_report_is_a_table(tmp_path: Path) -> None:
    for seed in range(3):
        write_result(tmp_path, "a", seed=seed, error=0.3)
        write_result(tmp_path, "scratch-b", seed=seed)
    report = molbench.Report.read(tmp_path)
    frame = report.to_pandas()
    assert list(frame["candidate"]) == ["a", "scratch-b"]
    assert frame["delta"][0] == pytest.approx(frame["mean"][0] - frame["mean"][1])
    assert frame["delta_verdict"][0] == "better" and frame["delta"].isna()[1]
    assert repr(report) == "<Report: 2 models on 1 tasks, 6 results, 0 failures>"
    header, *rows = str(report).splitlines()
    assert header.startswith("task") and rows[0].startswith("data/a") and rows[0].endswith("better")
    assert header.index("model") == rows[0].index(" a ") + 1 == rows[1].index("scratch-b")


def test_a_report_compares_what_it_holds(tmp_path: Path) -> None:
    for root, model in (("here", "a"), ("here", "b"), ("here", "scratch-b"), ("there", "c")):
        write_result(tmp_path / root, model)
    report = molbench.Report.read(tmp_path / "here")
    assert report.compare().pairs == [("a", "b"), ("a", "scratch-b")]
    assert report.compare("b", "a").pairs == [("b", "a")]
    assert report.compare(tmp_path / "there").pairs == [("a", "c")]
    with pytest.raises(UserError, match="no such folder"):
        report.compare("nobody")


def test_what_strangers_wrote_does_nothing_in_a_notebook(tmp_path: Path) -> None:
    for model in ("a", "b"):
        write_result(tmp_path, model, name=f"{model}{HOSTILE}")
    report = molbench.Report.read(tmp_path)
    for shown in (report._repr_html_(), report.compare()._repr_html_()):
        assert "<script" not in shown and "&lt;script&gt;" in shown


def test_objects_say_in_a_line_what_they_are(tmp_path: Path, checkpoint: Path) -> None:
    stored = write_result(tmp_path, "a")
    lines = [repr(stored), repr(stored.result), repr(stored.predictions), repr(molbench.Catalogue.load())]
    lines += [repr(molbench.Checkpoint.load(str(checkpoint))), repr(molbench.Report.read(tmp_path))]
    lines += [repr(molbench.dry_run(checkpoint, "xtb-molecules/gap", seeds=1))]
    for line in lines:
        assert re.fullmatch(r"<[^\n]{5,300}>", line), line


class Atoms:
    """As those of ASE are, as far as anything is asked of them."""

    def __init__(self, numbers: np.ndarray, positions: np.ndarray) -> None:
        self.numbers, self.positions = numbers, positions

    def get_atomic_numbers(self) -> np.ndarray:
        return self.numbers

    def get_positions(self) -> np.ndarray:
        return self.positions


def test_molecules_are_embedded_however_they_are_given(checkpoint: Path) -> None:
    from rdkit import Chem

    from molbench.chem.conformers import embed_conformer as conformer

    molecule = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    positions = conformer(molecule).positions
    expected = molbench.embed(checkpoint, "CCO")
    assert expected.shape == (1, 8) and expected.dtype == np.float32
    for given in (["CCO"], Atoms(numbers, positions), [Atoms(numbers, positions)], (numbers, positions)):
        assert np.allclose(molbench.embed(str(checkpoint), given), expected, atol=1e-6)
    loaded = molbench.Checkpoint.load(checkpoint)
    several = molbench.embed(loaded, ["O", "CCO", (numbers, positions)])
    assert np.allclose(several[1:], expected, atol=1e-5) and not np.allclose(several[0], expected)
    assert molbench.embed(loaded, []).shape == (0, 8)


@pytest.mark.parametrize(
    ("molecules", "message"),
    [
        (["CCO", "C1C"], "molecule 1: 'C1C' is no SMILES"),
        ("", "molecule 0: '' is no SMILES"),
        ([(np.array([1]), np.zeros((2, 3)))], r"molecule 0: 1 nuclear charges, coordinates \(2, 3\)"),
        ([(np.array([0, 1]), np.zeros((2, 3)))], "nuclear charge 0"),
        ([(np.array([200]), np.zeros((1, 3)))], "nuclear charge 200"),
        ([(np.array([1]), np.full((1, 3), np.nan))], "not finite"),
        ([None], "molecule 0: None is no SMILES, no atoms"),
    ],
)
def test_molecules_that_cannot_be_embedded_are_named(
    molecules: object, message: str, checkpoint: Path
) -> None:
    with pytest.raises(UserError, match=message):
        molbench.embed(checkpoint, molecules)


def test_an_encoder_of_pairs_says_so(tmp_path: Path) -> None:
    name = next(name for name in BACKBONES if BACKBONES[name].inputs == "pairs")
    path = tmp_path / "pairs.pt"
    molbench.Checkpoint.of(build_backbone(name), method="m").save(path)
    with pytest.raises(UserError, match="needs an encoder of geometries"):
        molbench.embed(path, "CCO")
