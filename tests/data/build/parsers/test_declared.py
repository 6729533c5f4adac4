"""What the catalogue says about QM9, MD17 and revised MD17 holds for the real files."""

import csv
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from sklearn.utils import shuffle

from molbench.data.build.parsers import build_parser
from molbench.data.build.parsers.elements import SYMBOLS
from molbench.data.build.parsers.qm9 import uncharacterized
from molbench.data.build.splits import assign
from molbench.data.folder.digest import assignment_digest
from molbench.spec.catalogue import Catalogue
from molbench.spec.units import convert

CATALOGUE = Catalogue.load()
QM9 = CATALOGUE.dataset("qm9")


@pytest.mark.parametrize("name", ["qm9", "qm9-xyz", "md17", "rmd17"])
def test_parsers_yield_what_is_declared(name: str) -> None:
    dataset = CATALOGUE.dataset(name).dataset
    for subset in dataset.subsets or [None]:
        columns = build_parser(dataset.subset_parser(subset), dataset.subset_options(subset)).schema().names
        assert set(dataset.targets) <= set(columns)
        assert (dataset.forces is None) == ("forces" not in columns)


def test_both_forms_of_qm9_have_the_same_targets_and_splits() -> None:
    other = CATALOGUE.dataset("qm9-xyz")
    shared = {name: scheme for name, scheme in QM9.splits.schemes.items() if name != "12k"}
    assert other.splits.schemes == shared and other.dataset.targets == QM9.dataset.targets
    assert other.dataset.records == QM9.dataset.records == 130_831


@pytest.mark.parametrize(
    ("name", "order", "sizes"),
    [
        ("geossl", lambda n: shuffle(range(n), random_state=42), (110_000, 10_000, 10_831)),
        ("emgp", lambda n: np.random.RandomState(0).permutation(n), (100_000, 17_748, 13_083)),
        (
            "molspectra",
            lambda n: np.random.default_rng(1).permutation(np.arange(n)),
            (110_000, 10_000, 10_831),
        ),
    ],
)
def test_the_papers_splits_of_qm9_come_out_as_declared(real_data, name: str, order, sizes) -> None:
    listed = uncharacterized({"u": real_data / "qm9/uncharacterized/pyg_layout/uncharacterized.txt"})
    ids = np.array([f"gdb_{i}" for i in range(1, 133_886) if i not in listed])
    scheme = QM9.splits.schemes[name]
    labels = assign(scheme, pa.table({"id": ids}))
    assert scheme.complete and assignment_digest(ids.tolist(), labels.tolist()) == scheme.digest
    start = 0
    for split, size in zip(("train", "validation", "test"), sizes, strict=True):
        drawn = np.array(order(ids.size))[start : start + size]
        assert set(ids[labels == split]) == set(ids[drawn])
        start += size


@pytest.mark.parametrize("scheme", ["950", "1k", "block"])
def test_splits_of_md17_come_out_as_declared(scheme: str) -> None:
    entry = CATALOGUE.dataset("md17")
    count = entry.dataset.subsets["benzene2018"].records
    keys = pa.table({"id": [f"benzene2018-{i:06d}" for i in range(count)], "frame": np.arange(count)})
    labels = assign(entry.splits.schemes[scheme], keys)
    declared = entry.splits.schemes[scheme].digest_of("benzene2018")
    assert assignment_digest(keys["id"].to_pylist(), labels.tolist()) == declared
    if scheme == "1k":
        order = shuffle(range(count), random_state=42)
        assert set(np.flatnonzero(labels == "train")) == set(order[:1000])
        assert set(np.flatnonzero(labels == "validation")) == set(order[1000:2000])


def test_free_atom_references_are_those_of_the_authors(real_data, tmp_path) -> None:
    """The label table has atomisation energies too (kcal/mol), from the same free atoms."""
    folder = real_data / "qm9" / "derived_subset_12000"
    with zipfile.ZipFile(folder / "qm9.zip") as archive:
        archive.extractall(tmp_path)
    with (tmp_path / "gdb9.sdf.csv").open() as file:
        rows = {row["mol_id"]: row for row in csv.DictReader(file, skipinitialspace=True)}
    files = {path.name: path for path in tmp_path.glob("gdb9*")} | {"u": folder / "uncharacterized.txt"}
    chunk = next(build_parser("qm9-sdf").shards(files, 1)[0].read()).table
    for name in ("u0", "u298", "h298", "g298"):
        free = QM9.dataset.targets[name].reference
        for record in chunk.select(["id", "atomic_numbers", name]).to_pylist():
            bound = record[name] - sum(free[SYMBOLS[number - 1]] for number in record["atomic_numbers"])
            assert convert(bound, "Hartree", "kcal/mol") == pytest.approx(
                float(rows[record["id"]][f"{name}_atom"]), abs=3e-3
            )
