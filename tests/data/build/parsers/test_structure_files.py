"""PDB, SD and mol2 files of made-up molecules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.structure_files import read_ligand, read_pdb
from tests.complex_files import MOL2, pdb_file, protein, sd_file

ETHANOL = [
    {"x": 0.0, "y": 0.0, "z": 0.1, "element": "C"},
    {"x": 1.5, "y": 0.0, "z": 0.0, "element": "C"},
    {"x": 2.1, "y": 1.3, "z": 0.0, "element": "O"},
]


def test_a_protein_has_its_residues_chains_and_sequence() -> None:
    actual = read_pdb(pdb_file(protein(6, 0, water=True)).encode())
    assert actual.sequences == ["G" * 6] and set(actual.chains) == {"A"}
    assert actual.atoms.residues.tolist() == [*sorted([*range(6)] * 5), 6]
    assert actual.atoms.names[-1] == "HOH" and actual.atoms.numbers[:5].tolist() == [7, 6, 6, 8, 1]
    assert np.allclose(actual.atoms.positions[:30], [[r[a] for a in "xyz"] for r in protein(6, 0)])


ALTERNATIVES = """\
ATOM      1  CA AGLY A   1       1.000   0.000   0.000  0.50  0.00           C
ATOM      2  CA BGLY A   1       2.000   0.000   0.000  0.50  0.00           C
ATOM      3  CA BSER A   2       3.000   0.000   0.000  0.50  0.00           C
ATOM      4  CA AALA A   2       4.000   0.000   0.000  0.50  0.00           C
HETATM    5  C   LIG L   1       5.000   0.000   0.000  1.00  0.00           C
HETATM    6  C   LIG L   1       6.000   0.000   0.000  1.00  0.00           C
"""


def test_the_first_alternative_counts_and_atoms_of_equal_name_are_kept() -> None:
    actual = read_pdb(ALTERNATIVES.encode())
    assert actual.atoms.positions[:, 0].tolist() == [1.0, 3.0, 5.0, 6.0]
    assert actual.chains.tolist() == ["A", "A", "L", "L"]


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
        actual = read_pdb(bytes(raw).replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n"]))))
    except ValueError:
        return
    assert len(actual.atoms.numbers) == len(actual.chains) and actual.atoms.numbers.min() > 0


@pytest.mark.parametrize("counts", ["  0  0  0", "  0  3  0  4"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_hydrogen_counts_of_a_query_do_not_matter(counts: str, end: str) -> None:
    atoms, smiles = read_ligand({"a.sdf": sd_file(ETHANOL, counts).replace("\n", end).encode()})
    assert smiles == "CCO" and atoms.numbers.tolist() == [6, 6, 8]
    assert np.allclose(atoms.positions, [[row[axis] for axis in "xyz"] for row in ETHANOL], atol=1e-4)


def test_the_mol2_file_helps_where_the_sd_file_does_not() -> None:
    bad, mol2 = sd_file([row | {"element": "F"} for row in ETHANOL]).encode(), MOL2.encode()
    assert read_ligand({"a.mol2": mol2, "a.sdf": bad})[1] == "O=C=O"
    assert read_ligand({"a.mol2": mol2})[0].numbers.tolist() == [8, 6, 8]
    assert read_ligand({"a.sdf": b"broken", "a.mol2": mol2})[1] == "O=C=O"
    atoms, smiles = read_ligand({"a.sdf": bad})
    assert smiles is None and atoms.numbers.tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no ligand file"),
        ({"a.sdf": b""}, "a.sdf: not a whole number: ''"),
        ({"a.sdf": b"\xff\xfe", "a.mol2": b"nothing"}, "a.sdf: not a whole number"),
        ({"a.mol2": b""}, "a.mol2: RDKit cannot read it, or finds no atoms in it"),
    ],
)
def test_no_readable_ligand_is_a_reason(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_ligand(files)


LINE = "ATOM      2  CA  GLY A   1    {}  1.00 20.00           C\n"
FINE = "ATOM      1  N   GLY A   1       3.100   4.100   5.100  1.00 20.00           N\n"


@pytest.mark.parametrize(
    "columns",
    [
        "   *****   2.000   3.000",
        "****************   3.000",
        "-1234.567-100.123-100.123",  # F8.3 of a number that needs nine columns
        "1234.56781234.56781234.5678",
        "   4,500   5,250   6,125",
        "   1.000   2.000        ",
        "   1.000   2.000     nan",
        "   1.000   2.000     inf",
        "   1.000   2.000   1e400",
        "   1.0 0   2.000   3.000",
        "   1_000   2.000   3.000",
        "  0x10.0   2.000   3.000",
        "   1.000   2.000   3.0.0",
        "   1.000   2.000   \u0663.00",
        "12345678   2.000   3.000",
    ],
)
def test_columns_of_a_pdb_file_that_hold_no_coordinate_are_named_by_line(columns: str) -> None:
    with pytest.raises(ValueError, match=r"line 2: not a coordinate: '"):
        read_pdb((FINE + LINE.format(columns)).encode("latin-1", "replace"))


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_coordinates_of_a_pdb_file_are_those_of_its_columns_or_refused(data) -> None:
    """Whatever stands in the columns, in the form of Fortran's F8.3 or not."""
    token = st.text("0123456789.-+*, eE", min_size=1, max_size=9)
    number = st.floats(-9e3, 9e4).map(lambda value: f"{value:8.3f}")
    cells = [data.draw(st.one_of(number, token.map(lambda t: f"{t:>8}"))) for _ in range(3)]
    line = LINE.format("".join(cells))
    try:
        actual = read_pdb(line.encode()).atoms.positions
    except ValueError:
        return
    columns = [line[start : start + 8] for start in (30, 38, 46)]
    np.testing.assert_allclose(actual, [[float(column) for column in columns]], atol=1e-6)


@settings(deadline=None, max_examples=200)
@given(xyz=st.lists(st.floats(-1e7, 1e7) | st.floats(-2e3, 2e4), min_size=3, max_size=3))
def test_numbers_too_wide_for_their_column_are_never_read_as_others(xyz: list[float]) -> None:
    line = LINE.format("".join(f"{value:8.3f}" for value in xyz))
    try:
        actual = read_pdb(line.encode()).atoms.positions
    except ValueError as error:
        assert "not a coordinate" in str(error) and max(len(f"{value:.3f}") for value in xyz) > 8
    else:
        np.testing.assert_allclose(actual, [xyz], atol=6e-4)


@pytest.mark.parametrize(
    "columns",
    [
        "    1,0000    2.0000    3.0000",
        "**********    2.0000    3.0000",
        "-12345.67891234.5678    3.0000",
        "    1.0000    2.0000       nan",
        "    1.0000    2.0000          ",
    ],
)
def test_columns_of_an_sd_file_that_hold_no_coordinate_are_named_by_line(columns: str) -> None:
    content = sd_file(ETHANOL).splitlines()
    content[5] = columns + content[5][30:]
    with pytest.raises(ValueError, match=r"a\.sdf: line 6: not a coordinate: '"):
        read_ligand({"a.sdf": "\n".join(content).encode()})


V3000 = """ligand
 made up

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 3 2 0 0 0
M  V30 BEGIN ATOM
M  V30 1 C 0.0 0.0 0.1 0
M  V30 2 C 1.5 0.0 -
M  V30 0.0 0
M  V30 3 O 2.1 1.3 0.0 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 1 2
M  V30 2 1 2 3
M  V30 END BOND
M  V30 END CTAB
M  END
"""


def test_v3000_blocks_are_held_against_their_text_too() -> None:
    atoms, smiles = read_ligand({"a.sdf": V3000.encode()})
    assert smiles == "CCO" and np.allclose(atoms.positions, [[0, 0, 0.1], [1.5, 0, 0], [2.1, 1.3, 0]])
    for wrong in ("1,5", "****", "nan?"):
        with pytest.raises(ValueError, match=r"a\.sdf: line 10: not a coordinate"):
            read_ligand({"a.sdf": V3000.replace("1.5", wrong).encode()})


@pytest.mark.parametrize("wrong", ["-1,2", "****", "0x10", ""])
def test_coordinates_of_a_mol2_file_are_held_against_their_text(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"a\.mol2: line 9: not a coordinate"):
        read_ligand({"a.mol2": MOL2.replace("-1.2", wrong).encode()})


def test_both_files_of_a_real_ligand_have_the_same_heavy_atoms(real_data) -> None:
    folder = real_data / "lba" / "pdbbind_diffdock" / "1a0q"
    files = {name: (folder / name).read_bytes() for name in ("1a0q_ligand.sdf", "1a0q_ligand.mol2")}
    (one, first), (other, second) = (read_ligand({name: content}) for name, content in files.items())
    assert first and second
    assert np.allclose(one.positions[one.numbers > 1], other.positions[other.numbers > 1], atol=1e-3)
    assert read_ligand(files)[1] == first


def test_every_real_structure_is_read(real_data) -> None:
    paths = sorted((real_data / "lba").rglob("*.pdb"))
    assert paths and all(len(read_pdb(path.read_bytes()).atoms.numbers) > 0 for path in paths)
