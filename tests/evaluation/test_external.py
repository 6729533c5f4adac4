"""Models of somebody else's: the same scores by every way in, and what they do not support is not scored."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor, nn

import molbench
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation import Report, Watcher, evaluate
from molbench.evaluation.external.conformance import try_encoder
from molbench.evaluation.external.encoder import Limits
from molbench.evaluation.external.functions import FunctionEncoder
from molbench.evaluation.external.molecules import StoreMolecules, state
from molbench.evaluation.external.process import ProcessEncoder
from molbench.evaluation.external.standalone import Molecule, of_arrow, to_arrow
from molbench.evaluation.external.wrap import wrap
from molbench.evaluation.trust import read_trusted
from molbench.spec.catalogue import Catalogue
from tests.rooms import ROOT

TASKS = ["toy/size,toy/mass,toy/ring"]
FILE = """
import numpy as np


def shape(molecules):
    print("anything may be printed")
    return [[sum(m.atomic_numbers), len(m.atomic_numbers), np.ptp(m.positions @ m.positions.T)]
            for m in molecules]


def factory():
    return shape
"""


def shape(molecules: Sequence[Molecule]) -> list[list[float]]:
    """The same function as in ``FILE``."""
    return [
        [m.atomic_numbers.sum(), len(m.atomic_numbers), np.ptp(m.positions @ m.positions.T)]
        for m in molecules
    ]


class Atoms(nn.Module):
    """A small model of ``(z, pos, batch)`` with features of atoms."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(20, 6)
        self.layer = nn.Linear(6, 6)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        mean = torch.zeros(int(batch.max()) + 1, 3, dtype=pos.dtype).index_reduce(
            0, batch, pos, "mean", include_self=False
        )
        away = (pos - mean[batch]).square().sum(-1, keepdim=True)
        return torch.tanh(self.layer(self.embedding(z)) * (-away).exp())


class Pooled(Atoms):
    """The same, of molecules."""

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        features = super().forward(z, pos, batch)
        return features.new_zeros(int(batch.max()) + 1, 6).index_add_(0, batch, features)


def score(model: Any, output: Path, tasks: Sequence[str] = TASKS, **options: Any) -> Report:
    return evaluate(model, list(tasks), seeds=1, scratch=False, output=output, executor="inline", **options)


def values(report: Report) -> dict[tuple[str, str], float]:
    assert not report.failures, report.failures
    return {(s.result.task.id, n): v.value for s in report.results for n, v in s.result.metrics.items()}


@pytest.mark.slow
def test_one_encoder_has_the_same_scores_by_all_four_ways(toy_home: Path, tmp_path: Path) -> None:
    """A function, a program, a table, and predictions only."""
    from molbench.evaluation.handed_in.score import score_predictions

    by_function = score(shape, tmp_path / "r", name="function")
    (tmp_path / "model.py").write_text(FILE)
    ref = Catalogue.load().tasks(["toy/size"])[0]
    assert ref.folder is not None
    store = Store.open(ref.folder)
    vectors = [[float(x) for x in row] for row in shape(StoreMolecules(store))]
    pq.write_table(pa.table({"id": store.ids, "vector": vectors}), tmp_path / "table.parquet")
    by_table = score(tmp_path / "table.parquet", tmp_path / "r")
    rows = [
        {"task": s.result.task.id, "id": name, "prediction": value}
        for s in by_function.results
        for name, value in zip(s.predictions.ids, s.predictions.prediction.tolist(), strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "predictions.parquet")
    by_predictions = score_predictions(tmp_path / "predictions.parquet", "predicted", output=tmp_path / "r")
    expected = values(by_function)
    assert len(expected) == 8
    for report in (by_table, by_predictions):
        assert values(report) == pytest.approx(expected, abs=1e-6)
    good, bad = read_trusted(tmp_path / "r", Catalogue.load())
    assert len(good) == 9 and not bad


PAIRS = """
import numpy as np


def contact(pairs):
    return [[len(a.atomic_numbers), a.atomic_numbers.sum() * b.atomic_numbers.sum(), len(b.smiles or "")]
            for a, b in pairs]


contact.of_pairs = True



def factory():
    return contact
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Any]:
    """Starts models in processes of their own, and ends them."""
    started = []

    def start(text: str, **options: Any) -> ProcessEncoder:
        folder = tmp_path / "a folder"
        folder.mkdir(exist_ok=True)
        (folder / "model.py").write_text(text)
        started.append(ProcessEncoder(f"{folder / 'model.py'}:factory", "program", **options))
        return started[-1]

    yield start
    for encoder in started:
        encoder.close()


@pytest.mark.slow
@pytest.mark.parametrize("plain", [False, True], ids=["this environment", "another"])
def test_a_program_has_the_scores_of_the_function(
    toy_home: Path, tmp_path: Path, process: Any, plain: bool
) -> None:
    program = process(FILE, python=Path(sys.executable) if plain else None)
    assert values(score(program, tmp_path / "r")) == pytest.approx(
        values(score(shape, tmp_path / "r")), abs=1e-6
    )


def contact(pairs: Sequence[tuple[Molecule, Molecule]]) -> list[list[float]]:
    """The same function as in ``PAIRS``."""
    return [
        [len(a.atomic_numbers), a.atomic_numbers.sum() * b.atomic_numbers.sum(), len(b.smiles or "")]
        for a, b in pairs
    ]


@pytest.mark.slow
def test_a_model_of_pairs_has_the_same_scores_by_all_ways_in(tmp_path: Path, process: Any) -> None:
    tasks = ["xtb-solvation/dg_solv,xtb-molecules/gap,audit/batch"]
    contact.of_pairs = True  # type: ignore[attr-defined]
    by_function = score(contact, tmp_path / "r", tasks)
    reasons = {pair.task: pair.reason for pair in by_function.not_applicable}
    assert "reads pairs of molecules" in reasons["xtb-molecules/gap"] and "audit/batch" in reasons
    ref = Catalogue.load().tasks(["xtb-solvation/dg_solv"])[0]
    assert ref.folder is not None
    store, molecules = Store.open(ref.folder), {m.smiles: m for m in StoreMolecules(Store.open(ref.folder))}
    sides = [store.column(name).to_pylist() for name in ("a_smiles", "b_smiles")]
    vectors = contact([(molecules[a], molecules[b]) for a, b in zip(*sides, strict=True)])
    np.savez(tmp_path / "table.npz", id=np.array(store.ids.to_pylist()), vector=np.array(vectors, float))
    others = [score(tmp_path / "table.npz", tmp_path / "r", ["xtb-solvation/dg_solv"])]
    others += [
        score(process(PAIRS, python=python), tmp_path / f"r{i}", tasks)
        for i, python in enumerate((None, Path(sys.executable)))
    ]
    for other in others:
        assert values(other) == pytest.approx(values(by_function), abs=1e-6)


class Dropping(nn.Module):
    """Atoms by their element, of which training drops some; one part is frozen for good."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.drop, self.frozen = nn.Embedding(119, 4), nn.Dropout(0.5), nn.Dropout(0.5)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        return self.frozen(self.drop(self.table(z)))


def test_a_module_is_trained_on_as_it_was_after_it_is_scored(tmp_path: Path) -> None:
    module = Dropping().train()
    module.frozen.eval()
    molbench.check_model(module)
    molbench.dry_run(module, "xtb-molecules/gap", seeds=1, output=tmp_path / "r")
    molbench.evaluate(module, "xtb-molecules/gap", seeds=1, output=tmp_path / "r", executor="inline")
    assert module.training and module.drop.training and not module.frozen.training


def test_a_function_of_more_than_molecules_is_refused_by_its_arguments() -> None:
    def layered(z: Any, pos: Any, batch: Any, cutoff: float = 5.0) -> Any:
        return z, pos, batch, cutoff

    expected = r"function of \(z, pos, batch\) and would be given one argument.* forward of a torch.nn.Module"
    with pytest.raises(UserError, match=expected):
        wrap(layered)
    wrap(lambda molecules, scale=1.0: [[scale] for _ in molecules])
    wrap(np.asarray)


def test_a_model_of_pairs_is_tried_on_pairs() -> None:
    """The first molecule is the first; what is given is one vector a pair; laws are those of pairs."""
    seen: list[tuple[str, str]] = []

    def ordered(pairs: Sequence[tuple[Molecule, Molecule]]) -> Any:
        seen.extend((a.id, b.id) for a, b in pairs)
        return torch.tensor([[float(len(a.positions)), float(b.positions[0, 0])] for a, b in pairs])

    ordered.of_pairs = True  # type: ignore[attr-defined]
    tried = try_encoder(wrap(ordered))
    assert seen[0] == ("C", "CO") and seen[1] == ("CO", "C=O") and tried.width == 2
    assert {law.name for law in tried.broken} == {"rotation", "translation", "permutation"}

    def of_smiles(pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
        return [[len(a), len(b)] for a, b in pairs]

    of_smiles.of_pairs, of_smiles.reads = True, "smiles"  # type: ignore[attr-defined]
    assert [law.name for law in try_encoder(wrap(of_smiles)).laws] == ["repetition", "batches"]
    short = wrap(ordered, "short")
    short.encode = lambda molecules: np.ones((len(molecules), 2))  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"gives the shape \(18, 2\) for 9 pairs: one vector each"):
        try_encoder(short)


@pytest.mark.slow
def test_a_module_is_trained_in_its_own_process_as_it_is_here(
    toy_home: Path, tmp_path: Path, process: Any
) -> None:
    text = "import torch\nfrom tests.evaluation.test_external import Atoms\n"
    program = process(text + "def factory():\n    torch.manual_seed(0)\n    return Atoms()\n")
    torch.manual_seed(0)
    tasks = ["toy/size,toy-frames/co,audit/permutation"]
    protocol = molbench.evaluation.protocols.load_protocol("finetune", ["steps=3"])
    tried = molbench.dry_run(program, tasks, protocol=protocol, name="m", output=tmp_path / "elsewhere")
    assert [row.source for row in tried.rows] == ["trial"] * 3  # which leaves the model as it was
    assert not (tmp_path / "elsewhere").exists()
    elsewhere, here = (
        score(model, tmp_path / name, tasks, protocol=protocol, name="m")
        for name, model in (("elsewhere", program), ("here", Atoms()))
    )
    assert not elsewhere.failures and not elsewhere.not_applicable
    assert values(elsewhere) == pytest.approx(values(here), rel=1e-6, abs=1e-12)


@pytest.mark.slow
def test_a_module_of_another_environment_has_vectors_and_no_gradients(
    toy_home: Path, tmp_path: Path, process: Any
) -> None:
    text = "import torch\nclass M(torch.nn.Module):\n    def forward(self, z, pos, batch):\n"
    text += "        return torch.stack([z.to(pos), z.to(pos).square()], 1)\ndef factory(): return M()\n"
    report = score(
        process(text, python=Path(sys.executable)), tmp_path / "r", ["toy/size,toy-frames/co,audit/batch"]
    )
    assert {result.result.task.id for result in report.results} == {"toy/size"}
    reasons = {pair.task: pair.reason for pair in report.not_applicable}
    assert {*reasons} == {"toy-frames/co", "audit/batch"}
    assert all("another Python environment" in reason for reason in reasons.values())


@pytest.mark.slow
@pytest.mark.parametrize("plain", [False, True], ids=["this environment", "another"])
def test_a_calculator_in_a_process_of_its_own(tmp_path: Path, process: Any, plain: bool) -> None:
    pytest.importorskip("ase", reason="pip install 'molbench[generate]'")
    text = (
        "def factory():\n    from ase.calculators.lj import LennardJones\n    return LennardJones(rc=5.0)\n"
    )
    program = process(text, python=Path(sys.executable) if plain else None)
    from ase.calculators.lj import LennardJones

    tasks = ["xtb-dynamics/furan,xtb-molecules/homo"]
    elsewhere = score(program, tmp_path / "r", tasks)
    here = score(LennardJones(rc=5.0), tmp_path / "r", tasks, name="here")
    assert values(elsewhere) == values(here) and len(values(here)) == 2
    assert [pair.task for pair in elsewhere.not_applicable] == ["xtb-molecules/homo"]
    identities = {result.result.checkpoint.encoder_digest for r in (elsewhere, here) for result in r.results}
    assert len(identities) == 1


def test_labels_that_somebody_left_for_a_run_are_not_believed(tmp_path: Path) -> None:
    pytest.importorskip("ase", reason="pip install 'molbench[generate]'")
    from ase.calculators.lj import LennardJones

    calculator, tasks = LennardJones(rc=5.0), ["xtb-dynamics/furan"]
    honest = score(calculator, tmp_path / "r", tasks, name="lj")
    (stored,) = honest.results
    forged = tmp_path / "forged" / stored.folder.relative_to(tmp_path / "r")
    forged.mkdir(parents=True)
    given = stored.predictions
    assert given.forces is not None
    claimed = replace(
        given, target=given.prediction, forces=replace(given.forces, target=given.forces.prediction)
    )
    claimed.write(forged / f"prepared-{stored.result.key[:12]}.parquet")
    assert values(score(calculator, tmp_path / "forged", tasks, name="lj")) == values(honest)


def test_features_of_atoms_are_summed() -> None:
    molecules = [Molecule(name, np.arange(1, n + 1), np.ones((n, 3))) for name, n in (("a", 2), ("b", 3))]
    atoms = np.arange(10.0).reshape(5, 2)
    expected = np.stack([atoms[:2].sum(0), atoms[2:].sum(0)])
    for given in (atoms, torch.from_numpy(atoms), [atoms[:2], atoms[2:]], expected, expected.tolist()):
        assert np.array_equal(FunctionEncoder(lambda _m, g=given: g, "f").encode(molecules), expected)
    assert len(FunctionEncoder(lambda _m: atoms[:3], "f").encode(molecules)) == 3  # refused by who asks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "options", "message"),
    [
        ("raise RuntimeError('no weights')", {}, "fails: RuntimeError: no weights"),
        ("return 3", {}, "is no model"),
        ("import os; os._exit(3)", {}, "its process ended"),
        ("import os; os.kill(os.getpid(), 9)", {}, "ended by SIGKILL"),
        ("import time; time.sleep(60)", {"time_limit": 3.0}, "took longer than 3 s"),
        ("x = bytearray(1 << 40); return x", {"memory": 8 << 30}, "MemoryError"),
    ],
)
def test_a_program_that_fails_is_told_in_one_line(
    process: Any, body: str, options: Any, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        process(f"def factory():\n    {body}\n", **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.slow
def test_what_a_model_starts_neither_writes_into_the_answers_nor_reads_the_questions(process: Any) -> None:
    talk = "import os, subprocess, sys; os.write(1, b'raw'); os.system('echo shell'); subprocess.run(['cat'])"
    model = process(
        FILE.replace("    return [[", f"    {talk}; assert not sys.stdin.read()\n    return [[", 1)
    )
    water = Molecule("water", np.array([8, 1, 1]), np.eye(3))
    assert model.encode([water]).tolist() == model.encode([water]).tolist() == [[10.0, 3.0, 1.0]]


@pytest.mark.slow
def test_a_file_of_the_working_folder_is_imported_only_if_there_is_no_other(
    process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit('not the module that is meant')")
    (folder / "helper_of_mine.py").write_text("WIDTH = 3")
    monkeypatch.chdir(folder)
    model = process(
        "from helper_of_mine import WIDTH\n\ndef factory():\n    return lambda ms: [[WIDTH]] * len(ms)\n"
    )
    assert model.encode([Molecule("helium", np.array([2]), np.zeros((1, 3)))]).tolist() == [[3.0]]


@pytest.mark.slow
def test_gradients_of_a_module_are_tried_where_it_is(process: Any) -> None:
    text = "import torch\nfrom tests.evaluation.test_external import Atoms\n"
    text += "class Cut(Atoms):\n    def forward(self, z, pos, batch):\n"
    text += "        return super().forward(z, pos, batch) * (1 + super().forward(z, pos, batch).detach())\n"
    for name, broken in (("Atoms", []), ("Cut", ["gradients"])):
        tried = try_encoder(process(f"{text}def factory(): return {name}()\n"))
        assert [law.name for law in tried.broken] == broken and tried.laws[-1].name == "gradients"


@pytest.mark.slow
def test_complex_numbers_of_a_program_are_refused(process: Any) -> None:
    model = process(FILE.replace("return shape", "return lambda ms: [[1j]] * len(ms)"))
    with pytest.raises(UserError, match="no real numbers"):
        model.encode([Molecule("helium", np.array([2]), np.zeros((1, 3)))])


@pytest.mark.slow
def test_a_program_whose_file_has_changed_is_another(process: Any) -> None:
    before, after = process(FILE), process(FILE + "# another\n")
    assert before.digest != after.digest


@pytest.mark.slow
def test_an_item_that_hangs_becomes_a_failure_and_the_others_go_on(
    toy_home: Path, tmp_path: Path, process: Any
) -> None:
    """A model that never answers on one molecule has failed runs there, which are counted; others go on."""
    text = FILE.replace("    return [[", "    if m0(molecules): import time; time.sleep(99)\n    return [[")
    text += "\ndef m0(molecules): return molecules[0].id == 'm0'\n"
    report = score([process(text, time_limit=25.0), shape], tmp_path / "r", ["toy/size"])
    assert [outcome.run.candidate.name for outcome in report.failures] == ["program"]
    assert "took longer than 25 s" in str(report.failures[0].error)
    assert {cell.candidate for cell in report.rows} == {"shape"}


@pytest.mark.slow
def test_modules_of_atoms_and_of_molecules_are_the_same(toy_home: Path, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in Atoms().state_dict().items()}
    model = Atoms()
    by_atoms = score(model, tmp_path / "r", [*TASKS, "toy-frames/co"])
    expected = values(by_atoms)
    assert {task for task, _ in expected} == {"toy/size", "toy/mass", "toy/ring", "toy-frames/co"}
    by_molecules = score(Pooled(), tmp_path / "r", [*TASKS, "toy-frames/co"])
    found = values(by_molecules)
    assert found == pytest.approx({k: v for k, v in expected.items() if k[0] != "toy-frames/co"}, abs=1e-6)
    assert [(pair.task, pair.reason) for pair in by_molecules.not_applicable] == [
        ("toy-frames/co", "it needs features of atoms, and the model gives those of molecules")
    ]
    tuned = score(model, tmp_path / "r", ["toy/size"], protocol=molbench.evaluation.protocols.load_protocol(
        "finetune", ["steps=5", "evaluations=1", "batch_size=8"]))  # fmt: skip
    assert values(tuned) and all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_results_are_used_again_and_other_weights_are_not_mistaken_for_them(
    toy_home: Path, tmp_path: Path
) -> None:
    assert score(Atoms(), tmp_path / "r").reused == 0
    assert score(Atoms(), tmp_path / "r").reused == 3
    other = Atoms()
    with torch.no_grad():
        other.layer.weight += 0.1
    with pytest.raises(UserError, match="other weights or code that were called 'atoms'"):
        score(other, tmp_path / "r")


class Net(nn.Module):
    """Breaks what it is told to."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.atoms, self.norm = what, Atoms(), nn.BatchNorm1d(6)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        features = self.atoms(z, pos, batch)
        match self.what:
            case "rotation" | "translation":
                features = features + pos[:, :1] * (1 if self.what == "translation" else 0)
                away = pos - pos.mean(0)
                features = features + away[:, :1] * z.unsqueeze(1) * (self.what == "rotation")
            case "permutation":
                features = features * torch.arange(len(z)).unsqueeze(1)
            case "batches":
                features = features - features.mean(0)
            case "repetition":
                features = features + torch.rand(1)
            case "gradients":
                features = features.detach() + 0 * pos.sum()
            case "complex":
                features = features * (1 + 1j)
            case "nan":
                features = features * torch.nan
            case "shape":
                features = features[:-1]
            case "vector":
                features = features.sum()
        return features


@pytest.mark.parametrize(
    "what", ["rotation", "translation", "permutation", "batches", "repetition", "gradients"]
)
def test_a_law_that_is_broken_is_named_beside_every_score(toy_home: Path, tmp_path: Path, what: str) -> None:
    said: list[str] = []
    report = score(Net(what), tmp_path / "r", ["toy/size"], watcher=Watcher(notice=said.append))
    assert f"FAIL  {what}" in said[0] and len(said[0].splitlines()) < 25
    assert any(f"law of {what}" in warning for warning in report.rows[0].warnings)
    assert not try_encoder(wrap(Atoms())).broken


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Net("nan"), "gives no finite vector for 'C'"),
        (Net("shape"), "rows for 2 molecules of 8 atoms"),
        (Net("vector"), r"gives \(\); a tensor"),
        (lambda molecules: [[1.0]], r"shape \(1, 1\) for 10 molecules"),
        (lambda molecules: np.zeros(len(molecules)), r"shape \(10,\)"),
        (lambda molecules: [["x"]] * len(molecules), "no real numbers"),
        (lambda molecules: 1 / 0, "fails: ZeroDivisionError"),
        (lambda molecules: torch.ones(len(molecules), 2) * 1j, "no real numbers"),
        (Net("complex"), "no real numbers"),
        (lambda molecules: np.full((len(molecules), 2), 1e39), "beyond single precision"),
    ],
)
def test_what_gives_no_vectors_is_refused_before_anything_is_done(
    toy_home: Path, tmp_path: Path, model: Any, message: str
) -> None:
    with pytest.raises(UserError, match=f"law of shapes and finiteness: .*{message}"):
        score(model, tmp_path / "r", name="mine")
    assert not (tmp_path / "r").exists()


def test_what_is_wrong_with_one_model_costs_that_one(
    toy_home: Path, tmp_path: Path, checkpoint: Path
) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(checkpoint.read_bytes()[:-500])
    table = tmp_path / "table.npz"
    table.write_bytes(b"PK no")
    report = score([Net("nan"), shape, damaged, table, object()], tmp_path / "r")
    assert {row.candidate for row in report.rows} == {"shape"} and not report.failures
    reasons = {refusal.name: refusal.reason for refusal in report.refusals}
    assert sorted(reasons) == sorted([str(damaged), "net", "object", "table"])
    assert "law of shapes and finiteness" in reasons["net"] and "is no model" in reasons["object"]
    assert "refused: net: " in report._repr_html_()
    with pytest.raises(UserError, match=r"law of shapes and finiteness(.|\n)*damaged\.pt"):
        score([Net("nan"), damaged], tmp_path / "r")
    with pytest.raises(UserError, match=r"nofile\.pt: no such file"):
        score([shape, tmp_path / "nofile.pt"], tmp_path / "r")


def test_a_damaged_dataset_costs_its_tasks(toy_home: Path, tmp_path: Path) -> None:
    manifest = toy_home / "datasets" / "toy-frames" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"digest"', '"digets"'))
    report = score(shape, tmp_path / "r", ["toy/size,toy-frames/*"])
    assert {row.task for row in report.rows} == {"toy/size"}
    assert [refusal.name for refusal in report.refusals] == ["toy-frames/co"]
    assert "manifest.json: damaged" in report.refusals[0].reason


@pytest.mark.slow
def test_the_command_line_scores_the_others_and_ends_with_2(toy_home: Path, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(
        "def good():\n    return lambda molecules: [[len(m.atomic_numbers)] for m in molecules]\n"
        "def nan():\n    return lambda molecules: [[float('nan')] for m in molecules]\n"
    )
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "nan.py").write_text((tmp_path / "models.py").read_text())
    models = ("--model", "models.py:good", "--model", "nan.py:nan", "--model", "broken.py:good")
    words = ("evaluate", *models, "--trust-code", "-t", "toy/size", "--seeds", "1", "--executor", "inline")
    for more in ((), ("--dry-run",)):
        done = subprocess.run(
            [sys.executable, "-m", "molbench.cli", *words, *more],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        told = [line for line in done.stderr.splitlines() if "refused: " in line]
        assert len(told) == 2 and "broken.py:good" in told[0] and "law of shapes" in told[1], done.stderr
        assert "models" in done.stdout


def test_what_is_no_model_is_refused(toy_home: Path, tmp_path: Path) -> None:
    for thing in (3, object(), Atoms):
        with pytest.raises(UserError, match="is no model"):
            score(thing, tmp_path / "r")
    with pytest.raises(UserError, match="name"):
        score(shape, tmp_path / "r", name="Not A Name")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(elements=frozenset({1, 6, 7, 9})), "has element 8, which the model does not know"),
        (Limits(max_atoms=4), "atoms, and the model supports 4"),
    ],
)
def test_what_a_model_does_not_support_is_not_applicable(
    toy_home: Path, tmp_path: Path, limits: Limits, reason: str
) -> None:
    encoder = wrap(shape, "limited", limits)
    report = score(encoder, tmp_path / "r", ["toy/size"])
    assert not report.failures and not report.rows and reason in report.not_applicable[0].reason
    assert not list((tmp_path / "r").rglob("result.json"))


def test_a_model_that_fails_on_records_is_asked_once(toy_home: Path, tmp_path: Path) -> None:
    asked = []

    def fragile(molecules: Sequence[Molecule]) -> np.ndarray:
        if molecules[0].id == "m0":
            asked.append(len(molecules))
            return np.full((len(molecules), 2), np.nan)
        return np.ones((len(molecules), 2)) * [[len(m.atomic_numbers)] for m in molecules]

    report = score([fragile, shape], tmp_path / "r")
    assert len(report.failures) == 3 and len(asked) == 1
    assert {outcome.error for outcome in report.failures} == {
        "model 'fragile' gives no finite vector for 'm0', or one beyond single precision"
    }
    assert {cell.candidate for cell in report.rows} == {"shape"}


def test_charge_and_multiplicity_are_handed_over() -> None:
    class Charged(Atoms):
        seen: list[list[int]] = []

        def forward(self, z, pos, batch, charge, multiplicity):  # type: ignore[no-untyped-def]
            self.seen.append([*charge.tolist(), *multiplicity.tolist()])
            return super().forward(z, pos, batch)

    charged = wrap(Charged())
    assert charged.limits.charged and charged.limits.open_shell and not wrap(Atoms()).limits.charged
    water = Molecule("w", np.array([8, 1, 1]), np.eye(3), -1, 2)
    charged.encode([water, replace(water, charge=1, multiplicity=3)])
    assert [-1, 1, 2, 3] in Charged.seen
    assert [state(smiles) for smiles in ("C[NH3+]", "[CH3]", "[O-][CH2]", None)] == [
        (1, 1),
        (0, 2),
        (-1, 2),
        (0, 1),
    ]
    assert [m.charge for m in of_arrow(to_arrow([water]))] == [-1]


class Scripted(nn.Module):
    """What TorchScript compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = nn.Embedding(100, 4)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor, charge: Tensor) -> Tensor:
        features = self.elements(z) + charge[batch].unsqueeze(1)
        return torch.zeros(int(batch.max()) + 1, 4).to(features).index_add(0, batch, features)


def test_a_module_of_torchscript_is_a_model(tmp_path: Path) -> None:
    """Python knows no signature of its methods; what its own says decides on what it is handed."""
    module = Scripted()
    torch.jit.script(module).save(tmp_path / "s.pt")  # type: ignore[no-untyped-call]
    loaded = wrap(torch.jit.load(tmp_path / "s.pt"), "scripted")  # type: ignore[no-untyped-call]
    assert loaded.limits.charged and not loaded.limits.open_shell
    water = Molecule("w", np.array([8, 1, 1]), np.eye(3), -1, 1)
    assert np.allclose(loaded.encode([water]), wrap(module, "plain").encode([water]))


@pytest.mark.slow
def test_smiles_models_read_smiles_and_nothing_else(tmp_path: Path) -> None:
    """Descriptors of RDKit, on the embedded datasets."""
    from rdkit.Chem import Descriptors, MolFromSmiles

    class Rdkit:
        def encode(self, smiles: list[str]) -> list[list[float]]:
            functions = (Descriptors.MolWt, Descriptors.TPSA, Descriptors.MolLogP)
            return [[function(m) for function in functions] for m in map(MolFromSmiles, smiles)]

    class Tensors(Rdkit):
        def encode(self, smiles: list[str]) -> Any:
            return torch.tensor(super().encode(smiles), requires_grad=True)

    both = [score(model, tmp_path / "r", ["xtb-molecules/alpha"]) for model in (Rdkit(), Tensors())]
    assert values(both[0]) == pytest.approx(values(both[1]), rel=1e-4)
    report = score(
        Rdkit(), tmp_path / "r", ["xtb-molecules/alpha,xtb-solvation/dg_solv,xtb-dynamics/ethanol"]
    )
    assert {cell.task for cell in report.rows} == {"xtb-molecules/alpha", "xtb-solvation/dg_solv"}
    assert [pair.task for pair in report.not_applicable] == ["xtb-dynamics/ethanol"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SchNet", "DimeNetPlusPlus", "ViSNet"])
def test_models_of_pytorch_geometric(tmp_path: Path, name: str) -> None:
    from torch_geometric.nn import models

    settings: dict[str, dict[str, Any]] = {
        "SchNet": {"hidden_channels": 8, "num_filters": 8, "num_interactions": 1, "num_gaussians": 4},
        "DimeNetPlusPlus": {"hidden_channels": 8, "out_channels": 1, "num_blocks": 1, "int_emb_size": 4,
                            "basis_emb_size": 4, "out_emb_channels": 8, "num_spherical": 2, "num_radial": 2},
        "ViSNet": {"hidden_channels": 16, "num_layers": 1, "num_heads": 2, "num_rbf": 4},
    }  # fmt: skip
    torch.manual_seed(0)
    model = getattr(models, name)(**settings[name])
    assert not try_encoder(wrap(model)).broken
    protocol = molbench.evaluation.protocols.load_protocol("probe", ["frames=4"])
    report = score(model, tmp_path / "r", ["xtb-spectra/ir,xtb-dynamics/ethanol"], protocol=protocol)
    assert len(values(report)) == 4 and not report.not_applicable


def test_a_calculator_of_the_level_of_theory_has_next_to_no_error(tmp_path: Path) -> None:
    tblite = pytest.importorskip("tblite.ase", reason="pip install 'molbench[generate]'")
    model = tblite.TBLite(method="GFN2-xTB", verbosity=0)
    report = score(model, tmp_path / "r", ["xtb-dynamics/ethanol,xtb-molecules/homo"], name="gfn2")
    found = values(report)
    assert found["xtb-dynamics/ethanol", "force_mae"] < 2e-3
    assert found["xtb-dynamics/ethanol", "energy_mae"] < 1e-3
    assert [pair.task for pair in report.not_applicable] == ["xtb-molecules/homo"]


@pytest.mark.slow
def test_the_command_line(toy_home: Path, tmp_path: Path) -> None:
    (tmp_path / "my model.py").write_text(FILE)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "molbench.cli", "evaluate", "--model", "my model.py:factory", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
        )

    done = run("-t", "toy/size", "--seeds", "1")
    assert done.returncode == 2 and "--trust-code" in done.stderr and not (tmp_path / "results").exists()
    done = run("-t", "toy/size,toy/mass", "--seeds", "2", "--trust-code")
    assert done.returncode == 0, done.stderr
    assert "my-model" in done.stdout and "ok    rotation" in done.stderr


@pytest.mark.slow
def test_an_unguarded_script_works(toy_home: Path, tmp_path: Path) -> None:
    script = "import molbench\nfrom model import shape\n"
    script += "print(molbench.evaluate(shape, ['toy/size', 'toy/mass'], seeds=2).rows[0].mean)\n"
    (tmp_path / "model.py").write_text(FILE)
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
