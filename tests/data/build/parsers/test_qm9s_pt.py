"""QM9S as PyTorch Geometric objects, from made-up files that PyTorch Geometric itself writes."""

import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.serialization import get_safe_globals
from torch_geometric.data import Data, InMemoryDataset

from molbench.data.build.parsers.qm9s import ATOM_TENSORS, GRIDS, TENSORS
from molbench.errors import UserError
from tests.data.build.parsers.qm9s_files import molecule, packed, spectrum

DETANET = {"layout": "detanet"}
MOLSPECTRA = {"layout": "molspectra"}


def tensor(values, *shape):
    return torch.tensor(np.asarray(values), dtype=torch.float32).reshape(shape)


def detanet(index: int, **changes) -> Data:
    """One entry of ``qm9s.pt``: attributes and shapes as its authors print them."""
    truth = molecule(index)
    n = len(truth["numbers"])
    values = {
        "edge_index": torch.zeros(2, 3, dtype=torch.long),
        "pos": tensor(truth["positions"], n, 3),
        "number": truth["qm9_number"],
        "smile": truth["smiles"],
        "z": torch.tensor(truth["numbers"]),
        "quadrupole": tensor(truth["quadrupole"], 1, 3, 3),
        "octapole": tensor(truth["octupole"], 1, 3, 3, 3),
        "npacharge": tensor(truth["charges"], n),
        "dipole": tensor(truth["dipole"], 1, 3),
        "polar": tensor(truth["polarizability"], 1, 3, 3),
        "hyperpolar": tensor(truth["hyperpolarizability"], 1, 3, 3, 3),
        "energy": torch.tensor([[truth["energy"]]], dtype=torch.float64),
        "Hij": torch.zeros(3, 3, 3),
        "Hi": torch.zeros(n, 3, 3),
        "dedipole": tensor(truth["dipole_derivatives"], n, 3, 3),
        "depolar": tensor(truth["polarizability_derivatives"], n, 3, 6),
        "tran_dipole": tensor(truth["transition_dipoles"], 1, 10, 3),
        "tran_energy": tensor(truth["excitation_energies"], 1, 10),
    }
    return Data(**values | changes)


def molspectra(number: int, **changes) -> Data:
    """One molecule of the processed file: QM9's attributes and the three spectra."""
    truth = molecule(number)
    n = len(truth["numbers"])
    values = {
        "x": torch.zeros(n, 11),
        "y": torch.zeros(1, 19),
        "pos": tensor(truth["positions"], n, 3),
        "z": torch.tensor(truth["numbers"]),
        "name": f"gdb_{truth['qm9_number']}",
        "idx": torch.tensor([truth["qm9_number"] - 1]),
        **{name: tensor(spectrum(number, name), -1) for name in GRIDS},
    }
    return Data(**values | changes)


@pytest.fixture
def save(tmp_path):
    def write(content, name="qm9s.pt", **arguments):
        torch.save(content, tmp_path / name, **arguments)
        return tmp_path / name

    return write


@pytest.mark.parametrize("zipped", [True, False])
def test_detanets_list_gives_every_quantity(parse, save, zipped: bool) -> None:
    path = save([detanet(i) for i in range(1, 5)], _use_new_zipfile_serialization=zipped)
    records, failures = parse("qm9s-pt", [path], DETANET, shards=3)
    assert not failures and records["id"].to_pylist() == [f"qm9s_{i}" for i in range(1, 5)]
    for number, record in enumerate(records.to_pylist(), start=1):
        truth = molecule(number)
        assert record["qm9_number"] == truth["qm9_number"] and record["energy"] == truth["energy"]
        assert record["smiles"] == truth["smiles"] and record["atomic_numbers"] == truth["numbers"]
        assert np.allclose(record["positions"], truth["positions"])
        assert np.allclose(record["charges"], truth["charges"])
        for name in TENSORS:
            assert np.allclose(record[name], packed(truth, name), atol=1e-6), name
        for name in ATOM_TENSORS:
            assert np.allclose(np.ravel(record[name]), truth[name].ravel(), atol=1e-6), name


@pytest.mark.parametrize("form", ["old", "new", "with smiles", "in rows"])
def test_molspectras_file_gives_the_spectra(parse, save, form: str) -> None:
    changes = {"with smiles": {"smiles": "[H]"}, "in rows": {"uv": torch.ones(1, 701)}}.get(form, {})
    data, slices = InMemoryDataset.collate([molspectra(i, **changes) for i in range(1, 6)])
    content = (data.to_dict(), slices, Data) if form == "new" else (data, slices)
    records, failures = parse("qm9s-pt", [save(content, "data_with_uv_ir_raman.pt")], MOLSPECTRA, shards=2)
    assert not failures and len(records) == 5
    for number, record in enumerate(records.to_pylist(), start=1):
        truth = molecule(number)
        assert record["id"] == f"gdb_{number + 2}" and record["qm9_number"] == number + 2
        assert record["smiles"] == ("[H]" if form == "with smiles" else None)
        assert record["atomic_numbers"] == truth["numbers"]
        assert np.allclose(record["positions"], truth["positions"])
        for name in GRIDS:
            expected = np.ones(701) if (form, name) == ("in rows", "uv") else spectrum(number, name)
            assert np.allclose(record[name], expected), name


class Hostile:
    """Runs a command wherever it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Elsewhere:
    """A class that only the tests know."""


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("options", [DETANET, MOLSPECTRA])
def test_a_pickle_that_would_run_something_is_refused(parse, save, tmp_path, options, zipped: bool) -> None:
    path = save([Hostile(tmp_path / "ran")], _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"the pickle in it wants \w+\.system"):
        parse("qm9s-pt", [path], options)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ([detanet(1, extra=Elsewhere())], "Elsewhere"),
        ([detanet(1, energy=np.zeros(3))], "numpy"),
        ([torch.nn.Linear(2, 2)], "torch.nn.modules.linear.Linear"),
    ],
)
def test_a_refused_file_says_what_it_wanted(parse, save, content, wanted: str) -> None:
    with pytest.raises(UserError, match=f"the pickle in it wants .*{wanted}"):
        parse("qm9s-pt", [save(content)], DETANET)


def test_the_list_of_what_may_be_loaded_is_left_as_it_was(parse, save) -> None:
    """PyTorch Geometric allows many of its classes to everyone; none of them is of use here."""
    before = set(map(str, get_safe_globals()))
    from torch_geometric.data import HeteroData

    with pytest.raises(UserError, match="HeteroData"):
        parse("qm9s-pt", [save([HeteroData()])], DETANET)
    assert set(map(str, get_safe_globals())) == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"z": None}, "z is missing"),
        ({"z": torch.tensor([8, 1, 0])}, "no element"),
        ({"z": torch.tensor([8.0, 1.0, 1.0])}, "z is not made of whole numbers"),
        ({"pos": torch.zeros(2, 3)}, "pos is float32 of shape"),
        ({"pos": torch.full((3, 3), torch.nan)}, "positions holds a number that is missing or not finite"),
        ({"dipole": torch.full((1, 3), torch.inf)}, "dipole holds a number"),
        ({"polar": torch.arange(9.0).reshape(1, 3, 3)}, "polar is not symmetric"),
        ({"octapole": torch.arange(27.0).reshape(1, 3, 3, 3)}, "octapole is not symmetric"),
        ({"depolar": torch.zeros(3, 6)}, "depolar is float32 of shape (3, 6), expected 54 numbers"),
        ({"energy": torch.zeros(1, 1, dtype=torch.complex64)}, "energy is complex64"),
        ({"energy": torch.zeros(1, 1).to_sparse()}, "energy is not a plain tensor"),
        ({"energy": "much"}, "energy is no tensor"),
        ({"number": "three"}, "number is no tensor"),
        ({"number": 10**30}, "number is not made of whole numbers"),
        ({"smile": b"O"}, "smile is not a text"),
        ({"smile": "N"}, "other atoms"),
        ({"smile": "[O]"}, "another number of hydrogens"),
    ],
)
def test_a_bad_molecule_is_a_failure_and_the_next_is_read(parse, save, changes, reason: str) -> None:
    records, failures = parse("qm9s-pt", [save([detanet(3, **changes), detanet(4)])], DETANET)
    assert records["id"].to_pylist() == ["qm9s_2"]
    assert failures[0].where == "qm9s.pt, molecule 1" and reason in failures[0].reason


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        ([], DETANET, "a list, not the content of a file of layout 'detanet'"),
        ([detanet(1)], MOLSPECTRA, "a list, not the content of a file of layout 'molspectra'"),
        ({"z": 1}, DETANET, "a dict, not the content"),
        ((1, 2), MOLSPECTRA, "a int where a molecule should be"),
        (InMemoryDataset.collate([detanet(1), detanet(2)]), MOLSPECTRA, "no attribute name, uv, ir, raman"),
    ],
)
def test_a_file_of_another_layout_is_refused(parse, save, content, options, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("qm9s-pt", [save(content)], options)


def test_attributes_of_different_numbers_of_molecules_are_refused(parse, save) -> None:
    data, slices = InMemoryDataset.collate([molspectra(i) for i in (1, 2, 3)])
    slices["ir"] = slices["ir"][:-1]
    with pytest.raises(UserError, match="z 3, pos 3, name 3, uv 3, ir 2, raman 3"):
        parse("qm9s-pt", [save((data, slices))], MOLSPECTRA)


def test_offsets_that_lead_nowhere_are_failures(parse, save) -> None:
    data, slices = InMemoryDataset.collate([molspectra(i) for i in (1, 2)])
    slices["uv"] = torch.tensor([0, 701, 10**12])
    slices["pos"] = torch.tensor([0, -3, 9])
    _, failures = parse("qm9s-pt", [save((data, slices))], MOLSPECTRA)
    assert len(failures) == 2


@pytest.mark.parametrize("layout", ["neither", None])
def test_the_layout_must_be_said(parse, save, layout) -> None:
    with pytest.raises(UserError, match="'layout'"):
        parse("qm9s-pt", [save([detanet(1)])], {"layout": layout} if layout else {})


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 0.999), zipped=st.booleans())
def test_a_file_that_is_cut_short_is_refused(parse, tmp_path_factory, share: float, zipped: bool) -> None:
    path = tmp_path_factory.mktemp("cut") / "qm9s.pt"
    torch.save([detanet(1)], path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"not an undamaged PyTorch file|the pickle in it wants"):
        parse("qm9s-pt", [path], DETANET)
