"""Datasets of pairs, built and loaded as users do."""

import csv
import shutil
from pathlib import Path

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.data import Store
from molbench.data.build.builder import build
from molbench.data.build.molecules import MOLECULES_FILE, Molecules
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue, DatasetEntry

DRUGS = ["C" * n + end for n in range(1, 7) for end in ("O", "N", "Cl", "C1CC1", "c1ccccc1")]


def entry(name: str) -> DatasetEntry:
    return Catalogue.load().entries[name]


def load(folder, config: str, split: str, streaming: bool = False) -> list[dict]:
    return list(datasets.load_dataset(str(folder), config, split=split, streaming=streaming))


@pytest.fixture
def network(raw) -> set[tuple[int, int]]:
    """A ring of drugs in which each interacts with the next three; an interaction matrix of it on disk."""
    n = len(DRUGS)
    known = {tuple(sorted((i, (i + step) % n))) for i in range(n) for step in (1, 2, 3)}
    cells = np.zeros((n, n), dtype=int)
    for i, j in known:
        cells[i, j] = cells[j, i] = 1
    names = [f"CID{i:03d}" for i in range(n)]
    lines = [["", *names], *([name, *row] for name, row in zip(names, cells.tolist(), strict=True))]
    (raw / "drug_drug_matrix.csv").write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    rows = "".join(
        f"{i},{name},DB{i},{smiles}\n" for i, (name, smiles) in enumerate(zip(names, DRUGS, strict=True))
    )
    (raw / "drug_list_zhang.csv").write_text(",cid,drugbank_id,smiles\n" + rows)
    return known


@pytest.mark.slow
def test_drug_pairs_from_matrix_to_rows(network, raw, tmp_path) -> None:
    folder = build(entry("ddi"), raw=raw, output=tmp_path / "ddi", allow_partial=True)
    part = Manifest.read(folder).subsets["zhang"]
    assert part.records == 2 * len(network) and part.partial and not part.failures
    assert sum(part.molecules.values()) == len(DRUGS)
    for scheme in ("random", "molecule", "molecule-one", "molecule-both", "scaffold"):
        assert set(part.schemes[scheme].counts) >= {"train", "validation", "test"} or scheme in part.left_out
    rows = {split: load(folder, "zhang@random", split) for split in ("train", "validation", "test")}
    together = [row for part in rows.values() for row in part]
    assert len(together) == part.records and sum(row["interaction"] for row in together) == len(network)
    assert all(row["drawn"] == (row["interaction"] == 0) == (row["source_rows"] == 0) for row in together)
    assert load(folder, "zhang@random", "test", streaming=True) == rows["test"]
    verify_dataset(folder)

    molecules = Molecules.open(folder / "zhang")
    store = Store.open(folder, "zhang")
    batch = store.batch(range(5), ["interaction"])
    smiles = [store.column(f"{side}_smiles")[row].as_py() for row in range(5) for side in "ab"]
    structures = molecules.conformers(molecules.rows(smiles))
    assert batch.ptr.tolist() == structures.ptr.tolist()
    assert np.array_equal(batch.positions.numpy(), structures.positions)


@pytest.mark.slow
def test_new_drugs_are_new(network, raw, tmp_path) -> None:
    folder = build(entry("ddi"), raw=raw, output=tmp_path / "ddi", allow_partial=True)

    def drugs(rows: list[dict]) -> set[str]:
        return {row[f"{side}_inchikey"] for row in rows for side in "ab"}

    train = drugs(load(folder, "zhang@molecule-both", "train"))
    assert not train & drugs(load(folder, "zhang@molecule-both", "test"))
    train = drugs(load(folder, "zhang@molecule-one", "train"))
    for row in load(folder, "zhang@molecule-one", "test"):
        assert len({row["a_inchikey"], row["b_inchikey"]} & train) <= 1
    train = drugs(load(folder, "zhang@molecule", "train"))
    assert all(drugs([row]) - train for row in load(folder, "zhang@molecule", "test"))


def shortest(path, columns: tuple[str, str], label: str, count: int) -> list[dict[str, str]]:
    """Rows of a real table whose molecules are small, so that embedding them is quick."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[label] != "NaN"]
    return sorted(rows, key=lambda row: sum(len(row[name]) for name in columns))[:count]


def write(path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_slice_of_the_solvation_tables(real_data, raw, tmp_path) -> None:
    table = real_data / "solvation" / "mrl_cise_amgnn" / "exp_data.csv"
    rows = shortest(table, ("smiles_solute", "smiles_solvent"), "dGsolv_avg", 90)
    write(raw / "exp_data.csv", rows)
    subsets = ["combisolv", "abraham"]
    folder = build(entry("solvation"), raw=raw, subsets=subsets, output=tmp_path / "s", allow_partial=True)
    manifest = Manifest.read(folder)
    assert manifest.subsets["combisolv"].records == 90
    assert manifest.subsets["abraham"].records == sum("Abraham" in row["Source_all"] for row in rows) > 20
    for name in (
        "random",
        "molecule",
        "molecule-both",
        "scaffold",
        "extrapolation-high",
        "kfold-2-4",
        "kfold-half-0-0",
    ):
        assert name in {**manifest.subsets["combisolv"].schemes, **manifest.subsets["combisolv"].left_out}
    high = [row["dg_solv"] for row in load(folder, "combisolv@extrapolation-high", "test")]
    assert min(high) > max(row["dg_solv"] for row in load(folder, "combisolv@extrapolation-high", "train"))
    first, second = (pq.read_table(folder / name / MOLECULES_FILE) for name in subsets)
    shared = set(first["smiles"].to_pylist()) & set(second["smiles"].to_pylist())
    positions = [
        dict(zip(t["smiles"].to_pylist(), t["positions"].to_pylist(), strict=True)) for t in (first, second)
    ]
    assert shared and all(positions[0][name] == positions[1][name] for name in shared)


def only(whole: DatasetEntry, subset: str, folder: Path) -> DatasetEntry:
    """The declaration of one subset, with the targets that it has."""
    shutil.copytree(whole.folder, folder)
    for name, keep in (("dataset", "targets"), ("tasks", "tasks")):
        text = yaml.safe_load((folder / f"{name}.yaml").read_text())
        text[keep] = {key: value for key, value in text[keep].items() if key.removeprefix("log_") == subset}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    return DatasetEntry(whole.id, folder)


@pytest.mark.parametrize("target", ["absorption", "lifetime"])
def test_a_slice_of_the_chromophores(real_data, raw, tmp_path, target: str) -> None:
    table = real_data / "chromophore" / "deep4chem" / "DB_for_chromophore_Sci_Data_rev02.csv"
    label = "Absorption max (nm)" if target == "absorption" else "Lifetime (ns)"
    rows = shortest(table, ("Chromophore", "Solvent"), label, 60)
    write(raw / table.name, rows)
    declared = only(entry("chromophore"), target, tmp_path / "chromophore")
    folder = build(declared, raw=raw, subsets=[target], output=tmp_path / "c", allow_partial=True)
    part = Manifest.read(folder).subsets[target]
    gas = sum(row["Solvent"] == "gas" for row in rows)
    assert len(part.failures) == gas
    stored = [
        row for split in ("train", "validation", "test") for row in load(folder, f"{target}@random", split)
    ]
    assert sum(row["source_rows"] for row in stored) == len(rows) - gas and len(stored) == part.records
    if target == "lifetime":
        assert all(row["log_lifetime"] == pytest.approx(np.log(row["lifetime"])) for row in stored)


def test_mnsol_is_asked_for_with_its_terms(raw, tmp_path) -> None:
    with pytest.raises(UserError, match="may not be redistributed"):
        build(entry("solvation"), raw=raw, subsets=["mnsol"], output=tmp_path / "s")


@pytest.mark.parametrize(
    ("scheme", "streaming"), [("random", False), ("molecule-both", False), ("scaffold", True)]
)
def test_the_embedded_pairs_through_the_stock_library(scheme: str, streaming: bool) -> None:
    folder = entry("xtb-solvation").folder
    counts = Manifest.read(folder).schemes[scheme].counts
    for split in ("train", "validation", "test"):
        rows = load(folder, scheme, split, streaming)
        assert len(rows) == counts[split] and len({row["id"] for row in rows}) == len(rows)
        assert all(np.isfinite([row["dg_solv"], row["dmu"]]).all() for row in rows)


def test_the_embedded_pairs_are_undamaged_and_small() -> None:
    folder = entry("xtb-solvation").folder
    manifest = verify_dataset(folder)
    assert manifest.dataset_id == "xtb-solvation" and not manifest.partial
    assert sum(file.size for file in manifest.files.values()) < 3_000_000
    assert manifest.molecules == {"etkdg": 183}
    text = yaml.safe_load((folder / "dataset.yaml").read_text())
    assert text["records"] == manifest.records
