"""Complexes from their raw files to stock ``load_dataset``: LBA, LEP, PDBbind and the embedded dimers."""

from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from molbench.data import Store
from molbench.data.build.builder import build
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue
from tests.complex_files import archive, lba_record, lep_record, ligand, pdb_file, protein, sd_file, shrunk

CATALOGUE = Catalogue.load()
SPLITS = ("train", "validation", "test")


def round_trip(folder: Path, config: str, counts: dict[str, int]) -> None:
    """Stock ``datasets``, plain and streaming, has the records of the manifest."""
    verify_dataset(folder)
    for split in SPLITS:
        plain = load_dataset(str(folder), config, split=split)
        assert len(plain) == counts[split] and plain.column_names[:3] == ["id", "atomic_numbers", "positions"]
        assert list(load_dataset(str(folder), config, split=split, streaming=True)) == plain.to_list()


@pytest.fixture
def lba_raw(raw) -> Path:
    records = [lba_record(i, seq=[["A", "G" * (i + 1)]]) for i in range(20)]
    thirty = {"train": records[:15], "val": records[15:17], "test": records[17:]}
    sixty = {"train": records[4:], "val": records[:1], "test": records[1:3]}  # one record is in neither
    for identity, parts in (("30", thirty), ("60", sixty)):
        name = f"split-by-sequence-identity-{identity}"
        archive(raw / f"LBA-{name}.tar.gz", parts, name)
    return raw


@pytest.mark.slow
def test_lba_is_built_with_both_published_splits(tmp_path, lba_raw) -> None:
    folder = build(shrunk("lba", tmp_path, 20), raw=lba_raw, offline=True)
    part = Manifest.read(folder).by_subset[None]
    assert part.records == 20 and not part.failures and not part.partial
    assert part.schemes["identity-30"].counts == {"train": 15, "validation": 2, "test": 3}
    assert part.schemes["identity-60"].counts == {"train": 16, "validation": 1, "test": 2, "unused": 1}
    for scheme in ("identity-30", "identity-60", "sequence"):
        round_trip(folder, scheme, part.schemes[scheme].counts)
    test = load_dataset(str(folder), "identity-30", split="test").to_list()
    assert {row["id"] for row in test} == {"1x17", "1x18", "1x19"}
    batch = Store.open(folder).batch([0, 5])
    assert batch.is_ligand.tolist() == ([False] * 20 + [True] * 4) * 2 and batch.molecules_per_record == 1


def test_the_declared_number_of_lba_is_that_of_the_split(tmp_path, lba_raw) -> None:
    with pytest.raises(UserError, match="20 of 4,463 records are there"):
        build(shrunk("lba", tmp_path, 4463), raw=lba_raw, offline=True)
    sizes = CATALOGUE.dataset("lba").splits.schemes["identity-30"].parameters["sizes"]
    assert sum(sizes) == CATALOGUE.dataset("lba").dataset.records == 4463
    sizes = CATALOGUE.dataset("lep").splits.schemes["protein"].parameters["sizes"]
    assert sum(sizes) == CATALOGUE.dataset("lep").dataset.records == 518


def test_a_database_of_something_else_is_refused_with_the_reason(tmp_path, raw) -> None:
    parts = {name: [lep_record(i)] for i, name in enumerate(("train", "val", "test"))}
    for identity in ("30", "60"):
        name = f"split-by-sequence-identity-{identity}"
        archive(raw / f"LBA-{name}.tar.gz", parts, name)
    with pytest.raises(UserError, match="no table 'atoms_ligand'; the record has atoms_active"):
        build(shrunk("lba", tmp_path, 3), raw=raw, offline=True)


def test_lep_is_built_as_two_structures_a_record(tmp_path, raw) -> None:
    records = [lep_record(i) for i in range(12)]
    parts = {"train": records[:4], "val": records[4:8], "test": records[8:]}
    archive(raw / "LEP-split-by-protein.tar.gz", parts, "split-by-protein")
    folder = build(shrunk("lep", tmp_path, 12), raw=raw, offline=True)
    counts = Manifest.read(folder).by_subset[None].schemes["protein"].counts
    assert counts == {"train": 4, "validation": 4, "test": 4}
    round_trip(folder, "protein", counts)
    store = Store.open(folder)
    batch = store.batch([3, 0], ["activator"])
    assert (batch.molecules_per_record, batch.num_graphs, batch.num_records) == (2, 4, 2)
    assert batch.targets["activator"].tolist() == [0.0, 1.0]
    row = load_dataset(str(folder), "protein", split="train").to_list()[3]
    sizes = np.bincount(row["structure"])
    assert np.diff(batch.ptr.tolist())[:2].tolist() == sizes.tolist()


def test_both_forms_of_lep_and_lba_declare_the_same_targets() -> None:
    for one, other in (("lba", "lba-pdbbind"), ("lep", "lep-pdb")):
        first, second = CATALOGUE.dataset(one).dataset, CATALOGUE.dataset(other).dataset
        assert {name: target.unit for name, target in first.targets.items()} == {
            name: target.unit for name, target in second.targets.items()
        }


def test_lep_is_built_from_pdb_files(tmp_path, raw) -> None:
    rows = ["ligand,protein,active_struc,inactive_struc,label,SMILES"]
    for i in range(20):
        record = lep_record(i, protein=f"P{i}")
        rows.append(",".join(record[name] for name in rows[0].split(",")))
        for name, residues, seed in (("active_struc", 8, i), ("inactive_struc", 7, i + 1)):
            (raw / f"{record[name]}.pdb").write_text(pdb_file(protein(residues, seed) + ligand(i)))
    (raw / "info.csv").write_text("\n".join(rows) + "\n")
    folder = build(shrunk("lep-pdb", tmp_path, 20), raw=raw, offline=True)
    part = Manifest.read(folder).by_subset[None]
    assert part.records == 20 and not part.failures
    round_trip(folder, "protein", part.schemes["protein"].counts)


def made_up_index(folder: Path, codes: list[str]) -> None:
    lines = [f"{code} NMR 1998 6.00 Ki=1uM // made up" for code in codes]
    (folder / "INDEX_refined_data.2019").write_text("\n".join(["# index", *lines, ""]))


def test_pdbbind_is_built_from_an_unpacked_folder(tmp_path, raw) -> None:
    codes = [f"1ab{letter}" for letter in "cdefghijklmnopqrstuv"]
    (raw / "refined-set" / "index").mkdir(parents=True)
    made_up_index(raw / "refined-set" / "index", codes)
    for i, code in enumerate(codes):
        folder = raw / "refined-set" / code
        folder.mkdir()
        (folder / f"{code}_protein.pdb").write_text(pdb_file(protein(4 + i, i)))
        (folder / f"{code}_pocket.pdb").write_text(pdb_file(protein(4 + i, i)[:15]))
        (folder / f"{code}_ligand.sdf").write_text(sd_file(ligand(i)))
    folder = build(shrunk("lba-pdbbind", tmp_path, 20), raw=raw, offline=True)
    part = Manifest.read(folder).by_subset[None]
    assert part.records == 20 and not part.failures
    for scheme in ("sequence", "random"):
        round_trip(folder, scheme, part.schemes[scheme].counts)


def test_real_complexes_are_built(real_data, tmp_path, raw) -> None:
    for code in ("10gs", "1imx", "1k9q"):
        (raw / code).symlink_to(real_data / "lba" / "pdbbind_oddt" / code)
    made_up_index(raw, ["10gs", "1imx", "1k9q"])
    entry = shrunk("lba-pdbbind", tmp_path, 3)
    (entry.folder / "splits.yaml").write_text(
        "schemes:\n  random: {generator: ratio, parameters: {seed: 0, fractions: [0.34, 0.33, 0.33]}, "
        "description: One each.}\n"
    )
    folder = build(entry, raw=raw, offline=True)
    part = Manifest.read(folder).by_subset[None]
    assert part.records == 3 and not part.failures
    round_trip(folder, "random", {"train": 1, "validation": 1, "test": 1})


@pytest.mark.slow
@pytest.mark.parametrize("config", ["interaction@partner", "preference@random"])
def test_embedded_dimers_through_the_stock_library(config: str) -> None:
    folder = CATALOGUE.dataset("xtb-dimers").folder
    subset, _, scheme = config.partition("@")
    round_trip(folder, config, Manifest.read(folder).by_subset[subset].schemes[scheme].counts)


@pytest.mark.parametrize("subset", ["interaction", "preference"])
def test_embedded_partners_are_on_one_side(subset: str) -> None:
    folder = str(CATALOGUE.dataset("xtb-dimers").folder)
    sides = [set(load_dataset(folder, f"{subset}@partner", split=split)["group"]) for split in SPLITS]
    assert all(sides) and len(set.union(*sides)) == sum(map(len, sides)) == 210
