"""PDB, SD and mol2 files of made-up molecules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.structure_files import read_ligand, read_pdb
from tests.complex_files import pdb_file, protein, sd_file

ETHANOL = [
    {"x": 0.0, "y": 0.0, "z": 0.1, "element": "C"},
    {"x": 1.5, "y": 0.0, "z": 0.0, "element": "C"},
    {"x": 2.1, "y": 1.3, "z": 0.0, "element": "O"},
]
MOL2 = """# made up
@<TRIPOS>MOLECULE
carbon dioxide
3 2 1 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
  1 O1  -1.2 0.0 0.1 O.2 1 LIG 0.0
  2 C1   0.0 0.0 0.0 C.1 1 LIG 0.0
  3 O2   1.2 0.0 0.0 O.2 1 LIG 0.0
@<TRIPOS>BOND
  1 1 2 2
  2 2 3 2
"""


def test_a_protein_has_its_residues_chains_and_sequence() -> None:
    found = read_pdb(pdb_file(protein(6, 0, water=True)).encode())
    assert found.sequences == ["G" * 6] and set(found.chains) == {"A"}
    assert found.atoms.residues.tolist() == [*sorted([*range(6)] * 5), 6]
    assert found.atoms.names[-1] == "HOH" and found.atoms.numbers[:5].tolist() == [7, 6, 6, 8, 1]
    assert np.allclose(found.atoms.positions[:30], [[r[a] for a in "xyz"] for r in protein(6, 0)])


ALTERNATIVES = """\
ATOM      1  CA AGLY A   1       1.000   0.000   0.000  0.50  0.00           C
ATOM      2  CA BGLY A   1       2.000   0.000   0.000  0.50  0.00           C
ATOM      3  CA BSER A   2       3.000   0.000   0.000  0.50  0.00           C
ATOM      4  CA AALA A   2       4.000   0.000   0.000  0.50  0.00           C
HETATM    5  C   LIG L   1       5.000   0.000   0.000  1.00  0.00           C
HETATM    6  C   LIG L   1       6.000   0.000   0.000  1.00  0.00           C
"""


def test_the_first_alternative_counts_and_atoms_of_equal_name_are_kept() -> None:
    found = read_pdb(ALTERNATIVES.encode())
    assert found.atoms.positions[:, 0].tolist() == [1.0, 3.0, 5.0, 6.0]
    assert found.chains.tolist() == ["A", "A", "L", "L"]


def test_the_first_model_counts() -> None:
    one = ALTERNATIVES.splitlines(keepends=True)[4]
    text = f"MODEL        1\n{one}ENDMDL\nMODEL        2\n{one.replace('5.000', '9.000')}ENDMDL\n"
    assert read_pdb(text.encode()).atoms.positions.tolist() == [[5.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no atoms in it"),
        (b"<html></html>\n", "no atoms in it"),
        (ALTERNATIVES.splitlines()[4][:76].encode() + b"XX\n", "unknown element in atom 1"),
    ],
)
def test_something_else_is_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_pdb(content)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_damaged_protein_is_atoms_or_a_reason(data) -> None:
    raw = bytearray(pdb_file(protein(3, 1)).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(1, len(raw))) :]
    try:
        found = read_pdb(bytes(raw).replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n"]))))
    except ValueError:
        return
    assert len(found.atoms.numbers) == len(found.chains) and found.atoms.numbers.min() > 0


@pytest.mark.parametrize("counts", ["  0  0  0", "  0  3  0  4"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_hydrogen_counts_of_a_query_do_not_matter(counts: str, end: str) -> None:
    atoms, smiles = read_ligand(sd_file(ETHANOL, counts).replace("\n", end).encode(), None)
    assert smiles == "CCO" and atoms.numbers.tolist() == [6, 6, 8]
    assert np.allclose(atoms.positions, [[row[axis] for axis in "xyz"] for row in ETHANOL], atol=1e-4)


def test_the_mol2_file_helps_where_the_sd_file_does_not() -> None:
    bad = sd_file([row | {"element": "F"} for row in ETHANOL]).encode()
    assert read_ligand(bad, MOL2.encode())[1] == "O=C=O"
    assert read_ligand(None, MOL2.encode())[0].numbers.tolist() == [8, 6, 8]
    assert read_ligand(b"broken", MOL2.encode())[1] == "O=C=O"
    atoms, smiles = read_ligand(bad, None)
    assert smiles is None and atoms.numbers.tolist() == [9, 9, 9]


@pytest.mark.parametrize(("sdf", "mol2"), [(None, None), (b"", None), (b"\xff\xfe", b"nothing"), (None, b"")])
def test_no_readable_ligand_is_a_reason(sdf, mol2) -> None:
    with pytest.raises(ValueError, match="no ligand file" if sdf is mol2 is None else "cannot be read"):
        read_ligand(sdf, mol2)


@pytest.mark.real
def test_both_files_of_a_real_ligand_have_the_same_heavy_atoms(real_data) -> None:
    folder = real_data / "lba" / "pdbbind_diffdock" / "1a0q"
    sdf, mol2 = ((folder / f"1a0q_ligand.{kind}").read_bytes() for kind in ("sdf", "mol2"))
    (one, first), (other, second) = read_ligand(sdf, None), read_ligand(None, mol2)
    assert first and second
    assert np.allclose(one.positions[one.numbers > 1], other.positions[other.numbers > 1], atol=1e-3)
    assert read_ligand(sdf, mol2)[1] == first
