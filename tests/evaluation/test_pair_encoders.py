"""Encoders of pairs are evaluated on their graphs alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from molbench.backbones import build_backbone
from molbench.data.build.builder import build
from molbench.data.read.store import Store
from molbench.data.records.molecule_table import Molecules
from molbench.errors import UserError
from molbench.evaluation import evaluate
from molbench.evaluation.protocols import load_protocol
from molbench.methods import build_method
from molbench.methods.mrl3d.reader import ConformerPairReader
from molbench.paths import home
from molbench.spec.catalogue import DatasetEntry
from molbench.training.checkpoint import Checkpoint

SOLVENTS = ("O", "CCO", "CC#N", "[He]")


@pytest.fixture
def pairs(tmp_path: Path) -> DatasetEntry:
    """Solutes in solvents, labelled by their carbons and oxygens, and one that cannot be embedded."""
    solutes = ["C" * n + tail for n in range(1, 8) for tail in ("", "O", "c1ccccc1")]
    rows = [(a, b) for a in solutes for b in SOLVENTS] + [("O", "CCO"), ("C", "[C@@]12(C)C[C@@]1(C)C2")]
    table = pa.table(
        {
            "id": [f"{i}" for i in range(len(rows))],
            "a_smiles": [a for a, _ in rows],
            "b_smiles": [b for _, b in rows],
            "dg": [a.count("C") * 1.0 - 2.0 * b.count("O") for a, b in rows],
        }
    )
    pq.write_table(table, tmp_path / "mix.parquet")
    folder = tmp_path / "declared" / "mix"
    folder.mkdir(parents=True)
    ratio = {
        "generator": "ratio",
        "parameters": {"seed": 0, "fractions": [0.6, 0.2, 0.2]},
        "description": "R",
    }
    task = {"target": "dg", "metrics": ["rmse", "r2"], "unit": "kJ/mol"}
    common = {"scheme": "random", "schemes": ["random"], "why": "made by hand"}
    declarations = {
        "dataset": {
            "name": "mix",
            "version": "1.0.0",
            "title": "mix",
            "summary": "Made by hand.",
            "licence": "CC0-1.0",
            "citation": [],
            "parser": "records",
            "record": "pair",
            "identity": "pair",
            "options": {"columns": ["a_smiles", "b_smiles", "dg"]},
            "targets": {"dg": {"unit": "kcal/mol", "description": "Made by hand"}},
            "sources": {"records": {"filename": "mix.parquet"}},
            "records": len(table),
        },
        "splits": {"schemes": {"random": ratio}},
        "tasks": {"defaults": common, "tasks": {"dg": task}},
    }
    for file, content in declarations.items():
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    entry = DatasetEntry("mix", folder)
    build(entry, raw=tmp_path)
    return entry


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cigin", "cgib-cont", "attentivefp"])
def test_no_conformer_is_touched(
    name: str, pairs: DatasetEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("a conformer was read")

    monkeypatch.setattr(Molecules, "conformers", touched)
    monkeypatch.setattr(Molecules, "embedded", property(touched))
    monkeypatch.setattr(Store, "atom_index", property(touched))
    monkeypatch.setattr(Store, "molecule_batches", touched)
    torch.manual_seed(0)
    path = tmp_path / "model.pt"
    Checkpoint.of(build_backbone(name), method="toy", pretraining={"dataset": "elsewhere"}).save(path)
    for protocol in (
        load_protocol("probe"),
        load_protocol("finetune", ["training.steps=2", "training.batch_size=8", "evaluations=1"]),
    ):
        report = evaluate(
            [path],
            [f"{pairs.id}/*"],
            protocol=protocol,
            seeds=1,
            output=tmp_path / protocol.name,
            executor="inline",
        )
        assert not report.failures
        (result,) = [s.result for s in report.results if not s.result.checkpoint.scratch]
        assert np.isfinite(result.primary.value)


def test_pairs_are_read_in_two_and_three_dimensions(pairs: DatasetEntry) -> None:
    store = Store.open(home() / "datasets" / pairs.id)
    reader = ConformerPairReader(store, "interaction")
    rows = np.arange(len(store))[::-1]
    batch = reader.batch(rows, ["dg"])
    embedded = reader.pairs.molecules.embedded[reader.pairs.choice[rows]].all(axis=1)
    assert int(embedded.sum()) == len(rows) - 1
    assert batch.rows is not None
    assert batch.rows.tolist() == rows[embedded].tolist()
    assert batch.num_graphs == len(batch.targets["dg"]) == int(embedded.sum())
    for graphs, conformers in ((batch.pairs.a, batch.a), (batch.pairs.b, batch.b)):
        assert torch.equal(graphs.ptr, conformers.ptr)
        assert torch.equal(graphs.atoms[:, 2] == 1, conformers.atomic_numbers == 6)
    assert batch.to("cpu", torch.float64).a.positions.dtype == torch.float64


def test_the_larger_drug_is_surrounded(pairs: DatasetEntry) -> None:
    store = Store.open(home() / "datasets" / pairs.id)
    reader = ConformerPairReader(store, "drug")
    batch = reader.batch(np.arange(len(store)))

    def radii(part: int) -> np.ndarray:
        conformers = (batch.a, batch.b)[part]
        parts = torch.split(conformers.positions, conformers.sizes.tolist())
        return np.array([float((part - part.mean(0)).norm(dim=1).max()) for part in parts])

    assert (radii(0) >= radii(1)).all()
    assert batch.rows is not None
    swapped = reader.pairs.choice[batch.rows.numpy()]
    assert (reader.radii[swapped[:, 0]] < reader.radii[swapped[:, 1]]).any()
    for graphs, conformers in ((batch.pairs.a, batch.a), (batch.pairs.b, batch.b)):
        assert torch.equal(graphs.ptr, conformers.ptr)


@pytest.mark.parametrize("name", ["cigin", "gin-cigin"])
def test_a_built_dataset_can_be_pretrained_on(name: str, pairs: DatasetEntry) -> None:
    store = Store.open(home() / "datasets" / pairs.id)
    torch.manual_seed(0)
    method = build_method("3dmrl", build_backbone(name), {"interactions": 2, "projection": 16, "filters": 16})
    batch = method.reader(store).batch(np.arange(12))
    loss, logs = method.loss(batch, torch.Generator().manual_seed(0))
    loss.backward()
    assert loss.isfinite()
    assert all(value.isfinite() for value in logs.values())


def test_combinations_are_of_any_two_molecules(pairs: DatasetEntry) -> None:
    store = Store.open(home() / "datasets" / pairs.id)
    torch.manual_seed(0)
    method = build_method("3dmrl", build_backbone("cigin"), {"share": 1.0})
    rows = store.rows("random", "train")
    actual, reader = method.select(store, rows), method.reader(store)
    keys = [store.column(f"{side}_inchikey").to_pylist() for side in "ab"]

    def named(numbers: np.ndarray) -> set[tuple[str, str]]:
        return {(keys[0][i], keys[1][j]) for i, j in numbers}

    drawn = named(actual)
    recorded = named(np.stack([rows, rows], axis=1))
    possible = {(a, b) for a, _ in recorded for _, b in recorded}
    table = reader.pairs.molecules
    shapeless = {keys[1][row] for row in range(len(store)) if not table.embedded[reader.pairs.choice[row, 1]]}
    assert drawn == {(a, b) for a, b in possible if b not in shapeless}
    assert len(drawn) == len(actual)
    assert drawn - recorded

    batch = reader.batch(actual[-5:])
    assert batch.num_graphs == 5
    for number, (i, j) in enumerate(actual[-5:]):
        single = (reader.batch(np.array([record])) for record in (i, j))
        for side, own in zip("ab", single, strict=True):
            ptr = getattr(batch, side).ptr[number : number + 2]
            part = getattr(batch, side).positions[ptr[0] : ptr[1]]
            assert torch.equal(part, getattr(own, side).positions)


@pytest.mark.slow
def test_records_are_chosen_by_label_and_share(pairs: DatasetEntry) -> None:
    store = Store.open(home() / "datasets" / pairs.id)
    torch.manual_seed(0)
    rows = store.rows("random", "train")

    def select(**config: object) -> np.ndarray:
        method = build_method("3dmrl", build_backbone("mpnn"), {"combine": False, **config})
        return method.select(store, rows)

    half = select(share=0.5)
    assert set(half) < set(select(share=1.0)) <= set(rows)
    assert np.array_equal(half, select(share=0.5))
    labelled = select(share=1.0, positives="dg")
    assert len(labelled)
    assert (store.target("dg")[labelled] == 1).all()
    with pytest.raises(UserError, match=r"raise method\.share"):
        select(share=0.001)
    with pytest.raises(UserError, match="no column 'known'"):
        select(positives="known")
