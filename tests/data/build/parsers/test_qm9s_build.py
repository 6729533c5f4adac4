"""The datasets of QM9S as the catalogue declares them, built from made-up files of the published layouts."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch_geometric.data import InMemoryDataset

from molbench.data.build.builder import build
from molbench.data.build.parsers.qm9s import GRIDS
from molbench.data.build.seal import part_schema
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue
from tests.data.build.parsers.qm9s_files import molecule, spectrum, write
from tests.data.build.parsers.test_qm9s_pt import detanet, molspectra

pytestmark = pytest.mark.slow

CATALOGUE = Catalogue.load()
COUNT = 20


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    write(folder, COUNT)
    return folder


@pytest.fixture(scope="module")
def folder(raw, tmp_path_factory):
    return build(
        CATALOGUE.dataset("qm9s"),
        raw=raw,
        offline=True,
        allow_partial=True,
        num_proc=2,
        output=tmp_path_factory.mktemp("built") / "qm9s-partial",
    )


@pytest.mark.parametrize("name", ["qm9s", "qm9s-molspectra"])
def test_the_catalogue_declares_the_grids_that_headers_are_checked_against(name: str) -> None:
    declared = {key: entry.grid for key, entry in CATALOGUE.dataset(name).dataset.spectra.items()}
    assert declared == GRIDS


def test_a_build_has_every_molecule_and_says_that_it_is_a_part(folder) -> None:
    manifest = Manifest.read(folder)
    assert manifest.dataset_id == "qm9s-partial" and manifest.records == COUNT
    assert manifest.schemes["random"].counts == {"train": 16, "validation": 2, "test": 2}
    assert "complete dataset" in manifest.left_out["molspectra"]


def test_a_store_gives_spectra_as_rows(folder) -> None:
    store = Store.open(folder)
    assert [str(entry) for entry in store.ids] == [f"qm9s_{i}" for i in range(1, COUNT + 1)]
    for name, grid in GRIDS.items():
        values = store.target(name)
        assert values.shape == (COUNT, grid.points) and values.dtype == np.float32
        assert np.array_equal(values[4], spectrum(5, name).astype(np.float32))


def test_stock_library_reads_a_build_plain_and_streaming(folder, tmp_path) -> None:
    code = f"""
from datasets import load_dataset
rows = load_dataset({str(folder)!r}, "random", split="train")
assert list(load_dataset({str(folder)!r}, "random", split="train", streaming=True)) == rows.to_list()
assert len(rows) == 16 and rows.features["ir"].length == 3501 and rows.features["uv"].length == 701
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=240)


def test_a_part_is_refused_where_all_is_asked_for(raw, tmp_path) -> None:
    with pytest.raises(UserError, match="20 of 129,817"):
        build(CATALOGUE.dataset("qm9s"), raw=raw, offline=True, output=tmp_path / "qm9s")
    assert not (tmp_path / "qm9s").exists()


def test_every_layout_gives_the_same_structures(raw, folder, tmp_path) -> None:
    torch.save([detanet(i) for i in range(1, COUNT + 1)], tmp_path / "qm9s.pt")
    collated = InMemoryDataset.collate([molspectra(i) for i in range(1, COUNT + 1)])
    torch.save(collated, tmp_path / "data_with_uv_ir_raman.pt")
    whole = {row["qm9_number"]: row for row in _rows(folder)}
    for name, source in [("qm9s-tensors", raw), ("qm9s-detanet", tmp_path), ("qm9s-molspectra", tmp_path)]:
        entry = CATALOGUE.dataset(name)
        if name == "qm9s-molspectra":  # its scheme is of 120,000 molecules and more
            entry.splits.schemes.pop("molspectra", None)
        built = build(entry, raw=source, offline=True, allow_partial=True, output=tmp_path / f"{name}-built")
        rows = _rows(built)
        assert len(rows) == COUNT
        for row in rows:
            other = whole[row["qm9_number"]]
            shared = set(row) & set(other) - {"id"}
            assert len(shared) >= 5
            for column in shared - {"smiles", "inchikey"}:
                first, second = _flat(row[column]), _flat(other[column])
                assert np.allclose(first, second, rtol=1e-5, atol=1e-6), column
        if name != "qm9s-molspectra":
            assert {row["id"]: row["smiles"] for row in rows} == {
                row["id"]: row["smiles"] for row in whole.values()
            }


def test_quantities_are_columns_of_fixed_size(folder) -> None:
    schema = part_schema(folder, None)
    assert str(schema.field("polarizability").type).endswith("[6]")
    row = _rows(folder)[0]
    assert len(row["dipole_derivatives"]) == len(row["atomic_numbers"])
    assert {len(entry) for entry in row["polarizability_derivatives"]} == {18}
    number = int(row["id"].removeprefix("qm9s_"))
    assert np.allclose(row["transition_dipoles"], molecule(number)["transition_dipoles"].ravel())


def _rows(folder):
    return [row for split in ("train", "validation", "test") for row in _split(folder, split)]


def _split(folder, split):
    import datasets

    return datasets.load_dataset(str(folder), "random", split=split).to_list()


def _flat(value):
    return np.concatenate([_flat(entry) for entry in value]) if isinstance(value, list) else np.array([value])
