"""Pairs, ligands in two structures, spectra and cross-validation go the same way as everything else."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from rdkit import Chem

from molbench.backbones import build_backbone
from molbench.chem.features import features
from molbench.data.build.builder import build
from molbench.data.folder.verify import verify_dataset
from molbench.data.read.loader import Loader
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation import evaluate
from molbench.evaluation.embedding import embed_store
from molbench.evaluation.protocols import load_protocol
from molbench.paths import home
from molbench.spec.catalogue import Catalogue, DatasetEntry

VECTORS = pa.list_(pa.list_(pa.float32(), 3))
RANDOM = {
    "generator": "ratio",
    "parameters": {"seed": 0, "fractions": [0.6, 0.2, 0.2]},
    "description": "Random.",
}
KFOLD = {
    "generator": "kfold",
    "parameters": {"repeats": 2, "folds": 3, "seed": 0, "validation": 0.2},
    "description": "Folds.",
}
FAST = load_protocol("finetune", ["training.steps=4", "training.batch_size=8", "evaluations=1"])


def declare(tmp_path: Path, table: pa.Table, tasks: dict[str, Any], **changes: Any) -> DatasetEntry:
    """Write the raw file and declarations of a dataset called after its record kind."""
    name = changes.pop("name")
    folder = tmp_path / "declared" / name
    folder.mkdir(parents=True)
    pq.write_table(table, tmp_path / f"{name}.parquet")
    required = ["id", "atomic_numbers", "positions"]
    dataset = {
        "name": name,
        "version": "1.0.0",
        "title": name,
        "summary": "Noise.",
        "licence": "CC0-1.0",
        "citation": [],
        "parser": "records",
        "options": {"columns": [c for c in table.column_names if c not in required]},
        "sources": {"records": {"filename": f"{name}.parquet"}},
        "records": len(table),
    } | changes
    common = {"scheme": "random", "schemes": ["random", "kfold"], "why": "made by hand"}
    declared = {"schemes": {"random": RANDOM, "kfold": KFOLD}}
    for file, content in {
        "dataset": dataset,
        "splits": declared,
        "tasks": {"defaults": common, "tasks": tasks},
    }.items():
        (folder / f"{file}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    return DatasetEntry(name, folder)


def molecules(rng: np.random.Generator, n: int) -> dict[str, Any]:
    sizes = rng.integers(4, 8, n)
    return {
        "id": [f"r{i}" for i in range(n)],
        "atomic_numbers": pa.array([rng.choice([6, 7, 8], k).tolist() for k in sizes], pa.list_(pa.uint8())),
        "positions": pa.array([rng.normal(size=(k, 3)).tolist() for k in sizes], VECTORS),
    }


@pytest.fixture
def preference(tmp_path: Path) -> DatasetEntry:
    """A ligand in two structures; class 1 where the first has more atoms."""
    rng = np.random.default_rng(0)
    columns = molecules(rng, 200)
    marks = [[0] * int(rng.integers(1, len(m))) for m in columns["atomic_numbers"].to_pylist()]
    marks = [
        m + [1] * (len(z) - len(m)) for m, z in zip(marks, columns["atomic_numbers"].to_pylist(), strict=True)
    ]
    table = pa.table(
        columns
        | {
            "structure": pa.array(marks, pa.list_(pa.uint8())),
            "active": [float(m.count(0) > m.count(1)) for m in marks],
        }
    )
    task = {"target": "active", "kind": "classification", "metrics": ["auroc"], "unit": "1"}
    targets = {"active": {"unit": "1", "description": "Class"}}
    return declare(tmp_path, table, {"active": task}, name="two", record="complex", targets=targets)


@pytest.fixture
def spectra(tmp_path: Path) -> DatasetEntry:
    """A spectrum of five points that counts carbons and oxygens."""
    columns = molecules(np.random.default_rng(1), 60)
    counts = [[z.count(6), z.count(8), 1.0, 0.0, len(z)] for z in columns["atomic_numbers"].to_pylist()]
    table = pa.table(columns | {"ir": pa.array(counts, pa.list_(pa.float32(), 5))})
    grid = {"start": 0.0, "step": 1.0, "points": 5, "unit": "cm⁻¹"}
    return declare(
        tmp_path,
        table,
        {
            "ir": {
                "target": "ir",
                "kind": "spectrum",
                "metrics": ["spectral_cosine", "spectrum_mae"],
                "unit": "1",
            }
        },
        name="light",
        record="molecule",
        options={"spectra": {"ir": 5}},
        spectra={"ir": {"unit": "1", "description": "Counts", "grid": grid}},
    )


@pytest.fixture
def pairs(tmp_path: Path) -> DatasetEntry:
    """Solutes in solvents, labelled by their carbons and oxygens."""
    solutes = ["C" * n + tail for n in range(1, 8) for tail in ("", "O", "N")]
    rows = [(a, b) for a in solutes for b in ("O", "CCO", "CC#N")]
    table = pa.table(
        {
            "id": [f"{a}.{b}" for a, b in rows],
            "a_smiles": [a for a, _ in rows],
            "b_smiles": [b for _, b in rows],
            "dg": [a.count("C") * 1.0 - 2.0 * b.count("O") for a, b in rows],
        }
    )
    return declare(
        tmp_path,
        table,
        {"dg": {"target": "dg", "metrics": ["rmse", "r2"], "unit": "kJ/mol"}},
        name="mix",
        record="pair",
        identity="pair",
        options={"columns": ["a_smiles", "b_smiles", "dg"]},
        targets={"dg": {"unit": "kcal/mol", "description": "Made by hand"}},
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["preference", "spectra", "pairs"])
def test_every_kind_is_built_and_scored(kind: str, request, save, tmp_path: Path) -> None:
    entry: DatasetEntry = request.getfixturevalue(kind)
    verify_dataset(build(entry, raw=tmp_path))
    checkpoint = save(tmp_path / "model.pt")
    for protocol in (load_protocol("probe"), FAST):
        report = evaluate(
            [checkpoint],
            [f"{entry.id}/*"],
            protocol=protocol,
            seeds=1,
            output=tmp_path / protocol.name,
            executor="inline",
        )
        assert not report.failures
        (result,) = [s.result for s in report.results if not s.result.checkpoint.scratch]
        assert np.isfinite(result.primary.value)
        if protocol.kind == "probe":  # every label here follows from counts of atoms
            assert result.primary.value > 0.9 or result.task.declaration.metrics[0] == "rmse"
        if kind == "pairs" and protocol.kind == "probe":
            assert result.metrics["r2"].value > 0.9
            assert result.primary.unit == "kJ/mol"


@pytest.mark.slow
def test_seeds_of_a_cross_validation_are_its_folds(spectra, save, tmp_path: Path) -> None:
    build(spectra, raw=tmp_path)
    report = evaluate(
        [save(tmp_path / "model.pt")],
        ["light/ir@kfold"],
        protocol=load_protocol("probe"),
        seeds=6,
        output=tmp_path / "r",
        executor="inline",
    )
    assert not report.failures
    runs = {s.result.seed: s for s in report.results if s.result.checkpoint.name == "model"}
    tested = [set(runs[seed].predictions.ids) for seed in range(6)]
    assert [runs[seed].result.task.scheme for seed in (0, 5)] == ["kfold-0-0", "kfold-1-2"]
    for repeat in (tested[:3], tested[3:]):
        assert sum(map(len, repeat)) == len(set().union(*repeat)) == 60
    assert report.rows[0].seeds == tuple(range(6))
    with pytest.raises(UserError, match="seeds 0 to 5, not 6"):
        Catalogue.load().tasks(["light/ir@kfold"])[0].at(6)


def test_a_pair_without_a_conformer_has_the_zero_vector_of_its_molecule(pairs, tmp_path: Path) -> None:
    build(pairs, raw=tmp_path)
    store = Store.open(home() / "datasets" / "mix")
    torch.manual_seed(0)
    backbone = build_backbone("schnet", {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4})
    features = embed_store(backbone, store, torch.device("cpu")).features
    batch = store.batch([5, 0])
    assert batch.molecules_per_record == 2
    graph = backbone(batch).graph.detach().numpy()
    np.testing.assert_allclose(features[[5, 0]], graph.reshape(2, -1), rtol=1e-4, atol=1e-5)
    empty = batch.replace(
        atomic_numbers=batch.atomic_numbers[:0],
        positions=batch.positions[:0],
        ptr=torch.zeros_like(batch.ptr),
    )
    assert not backbone(empty).graph.any()


def test_pairs_are_read_as_graphs_too(pairs, tmp_path: Path) -> None:
    build(pairs, raw=tmp_path)
    reader = PairReader(Store.open(home() / "datasets" / "mix"), "interaction")
    batch = next(Loader(reader, np.array([1, 0]), 2, shuffle=False, targets=["dg"]).epoch(0))
    rows = reader.store.table.slice(0, 2).to_pylist()[::-1]
    for side, graphs in (("a", batch.a), ("b", batch.b)):
        for i, row in enumerate(rows):
            molecule = Chem.AddHs(Chem.MolFromSmiles(row[f"{side}_smiles"]))
            atoms, bonds = features(molecule, "interaction")
            inside = graphs.molecule == i
            np.testing.assert_array_equal(graphs.atoms[inside].numpy(), atoms)
            own = inside[graphs.bonds[:, 0]]
            np.testing.assert_array_equal(graphs.bond_features[own].numpy(), bonds)
            ends = [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in molecule.GetBonds()]
            assert (graphs.bonds[own] - graphs.ptr[i]).tolist() == ends
    assert batch.targets["dg"].tolist() == [row["dg"] for row in rows]
    assert batch.a.edge_index.shape == (2, 2 * len(batch.a.bonds))
