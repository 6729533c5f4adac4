import importlib.util

import pyarrow.parquet as pq
import pytest

import molbench.generate as package
from molbench.errors import UserError
from molbench.generate import GENERATORS, enumeration, generate


def test_unknown_dataset_names_the_known_ones(tmp_path):
    with pytest.raises(UserError, match="unknown generator 'qm9'; known: xtb-dimers, xtb-dynamics"):
        generate("qm9", tmp_path / "out.parquet")


def test_missing_packages_tell_how_to_install_them(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "find_spec", lambda name: None if name == "tblite" else object())
    with pytest.raises(UserError, match=r"tblite.*pip install 'molbench\[generate\]'"):
        generate("xtb-molecules", tmp_path / "out.parquet")


@pytest.mark.parametrize("numbers", [{"limit": 0}, {"num_proc": 0}])
def test_numbers_below_one_are_refused(tmp_path, numbers):
    with pytest.raises(UserError, match="at least 1"):
        generate("xtb-molecules", tmp_path / "out.parquet", **numbers)


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("tblite", "ase", "pyscf")),
    reason="needs the packages of molbench[generate]",
)
def test_same_seed_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(enumeration, "QUOTA", {1: 2})
    first, second = (
        generate("xtb-molecules", tmp_path / name, limit=2) for name in ("a.parquet", "b.parquet")
    )
    assert first.read_bytes() == second.read_bytes()
    assert pq.read_schema(first).remove_metadata() == GENERATORS["xtb-molecules"].schema
