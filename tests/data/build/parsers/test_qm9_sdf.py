"""QM9 from SD file, label table and exclusion list."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.qm9 import PROPERTIES, uncharacterized
from molbench.errors import UserError

NOTES = "List of 3 molecules\n\n===\n#  Index  GDB17  B3LYP  Corina  D_IJ\n===\n"
EXCLUDED = f"{NOTES}  2   C   C   [C]   1.5\n 40 N  N  [N]  10.2\n===\n"
ETHANE_ISH = [("C", 0.0, 0.0, 0.0), ("O", 1.4, 0.0, 0.0), ("H", -0.5, 0.9, 0.25), ("H", 1.7, -0.9, 0.125)]


def molblock(
    title: str, atoms: list[tuple[str, float, float, float]], bonds: list[tuple[int, int, int]]
) -> str:
    lines = [title, "  made up", "", f"{len(atoms):3d}{len(bonds):3d}  0  0  0  0            999 V2000"]
    lines += [f"{x:10.4f}{y:10.4f}{z:10.4f} {s:<3} 0  0  0  0" for s, x, y, z in atoms]
    lines += [f"{a:3d}{b:3d}{order:3d}  0" for a, b, order in bonds]
    return "\n".join([*lines, "M  END", "$$$$", ""])


def table(ids: list[str], columns: tuple[str, ...] = PROPERTIES, separator: str = ", ") -> str:
    """Property k of molecule i is i + k / 100, whatever the order of the columns."""
    rows = [
        separator.join([title, *(f"{i + PROPERTIES.index(c) / 100:.2f}" for c in columns)])
        for i, title in enumerate(ids)
    ]
    return "\n".join([separator.join(["mol_id", *columns]), *rows, ""])


def write(folder: Path, sdf: str | bytes, labels: str | bytes, excluded: str = EXCLUDED) -> list[Path]:
    files = {"gdb9.sdf": sdf, "gdb9.sdf.csv": labels, "uncharacterized.txt": excluded}
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return [folder / name for name in files]


def water(title: str) -> str:
    return molblock(title, [("O", 0, 0, 0), ("H", 0.9, 0, 0), ("H", -0.3, 0.9, 0)], [(1, 2, 1), (1, 3, 1)])


def test_structure_labels_and_smiles_come_together(parse, tmp_path) -> None:
    methanol_less = molblock("gdb_3", ETHANE_ISH, [(1, 2, 1), (1, 3, 1), (2, 4, 1)])
    files = write(tmp_path, water("gdb_1") + methanol_less, table(["gdb_1", "gdb_3"]))
    records, failures = parse("qm9-sdf", files)
    assert not failures and records["id"].to_pylist() == ["gdb_1", "gdb_3"]
    assert records["atomic_numbers"].to_pylist() == [[8, 1, 1], [6, 8, 1, 1]]
    assert np.allclose(records["positions"][1].as_py(), [atom[1:] for atom in ETHANE_ISH])
    assert records["smiles"].to_pylist() == ["O", "[CH]O"] or records["smiles"][0].as_py() == "O"
    assert [records[name].to_pylist() for name in ("A", "mu", "cv")] == [[0, 1], [0.03, 1.03], [0.14, 1.14]]


def test_listed_molecules_are_left_out_and_are_no_failures(parse, tmp_path) -> None:
    files = write(tmp_path, "".join(water(f"gdb_{i}") for i in (1, 2, 3)), table(["gdb_1", "gdb_2", "gdb_3"]))
    records, failures = parse("qm9-sdf", files)
    assert records["id"].to_pylist() == ["gdb_1", "gdb_3"] and not failures


def test_the_list_is_read_by_content_not_by_place(tmp_path) -> None:
    body = "\n".join(f"{i:8d}   C   CC   [C]   {i / 7:.4f}" for i in (5, 61, 133885))
    for head, tail in [("", ""), (NOTES, "===\n\n"), ("\n" * 30 + NOTES, ""), ("1 2\n7 molecules\n", "9\n")]:
        (tmp_path / "u.txt").write_text(f"{head}{body}\n{tail}")
        assert uncharacterized({"u": tmp_path / "u.txt"}) == {5, 61, 133885}
    (tmp_path / "u.txt").write_text(NOTES)
    with pytest.raises(UserError, match="no line with a number and three SMILES"):
        uncharacterized({"u": tmp_path / "u.txt"})


@settings(deadline=None, max_examples=40)
@given(
    order=st.permutations(PROPERTIES),
    separator=st.sampled_from([",", ", ", " , "]),
    crlf=st.booleans(),
    index=st.booleans(),
    mark=st.booleans(),
    extra=st.booleans(),
)
def test_columns_are_found_by_name(
    parse, tmp_path_factory, order, separator, crlf, index, mark, extra
) -> None:
    rows = table(["gdb_1", "gdb_3"], tuple(order), separator).splitlines()
    if index:  # as pandas writes it
        rows = [("" if i == 0 else str(i - 1)) + separator + row for i, row in enumerate(rows)]
    if extra:
        rows = [row + separator + ("u0_atom" if i == 0 else "-1.5") for i, row in enumerate(rows)]
    end = "\r\n" if crlf else "\n"
    labels = ("\ufeff" if mark else "") + end.join([*rows, ""])
    sdf = (water("gdb_1") + water("gdb_3")).replace("\n", end)
    records, failures = parse("qm9-sdf", write(tmp_path_factory.mktemp("qm9"), sdf, labels), shards=2)
    assert not failures
    for k, name in enumerate(PROPERTIES):
        assert records[name].to_pylist() == [k / 100, round(1 + k / 100, 2)]


def test_the_order_of_the_table_does_not_matter(parse, tmp_path) -> None:
    files = write(tmp_path, water("gdb_1") + water("gdb_3"), table(["gdb_3", "gdb_1"]))
    records, _ = parse("qm9-sdf", files)
    assert records["A"].to_pylist() == [1, 0]


def test_smiles_of_the_table_are_taken_where_it_has_them(parse, tmp_path) -> None:
    rows = table(["gdb_1"], separator=",").splitlines()
    files = write(tmp_path, water("gdb_1"), f"{rows[0]},smiles\n{rows[1]},[OH2]\n")
    assert parse("qm9-sdf", files).table["smiles"].to_pylist() == ["[OH2]"]


def test_a_molecule_that_cannot_be_sanitised_keeps_its_record(parse, tmp_path) -> None:
    five_bonds = [("C", 0.0, 0.0, float(i)) for i in range(6)]
    sdf = molblock("gdb_1", five_bonds, [(1, i, 1) for i in range(2, 7)])
    records, failures = parse("qm9-sdf", write(tmp_path, sdf, table(["gdb_1"])))
    assert records["smiles"].to_pylist() == [None] and not failures


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda s: s.replace(" O  ", " Xx "), "unknown element 'Xx' (a dummy atom) in atom 1"),
        (
            lambda s: s.replace("0.9000    0.0000", "   nan    0.0000"),
            "not a coordinate: '       nan' in atom 2",
        ),
        (
            lambda s: s.replace("    0.9000", "  1e+39   "),
            "not a coordinate: '  1e+39   ' in atom 2",
        ),
        (lambda s: s.replace("    0.9000", "    0_9000"), "not a coordinate: '    0_9000'"),
        (lambda s: s.replace("    0.9000", "    0,9000"), "not a coordinate: '    0,9000'"),
        (lambda s: s.replace("  3  2  0", "  4  2  0"), "the counts do not fit"),
        (lambda s: s.replace("  3  2  0", "  0  0  0"), "a molecule without atoms"),
        (lambda s: s.replace("  3  2  0", "  x  2  0"), "not a whole number: '  x'"),
        (lambda s: s.replace("V2000", "V3000"), "not the counts line of a V2000 block"),
        (lambda s: s.replace("M  END\n", ""), "no M  END"),
        (lambda s: s.replace("gdb_1", "molecule 1"), "title 'molecule 1' is not of the form gdb_N"),
        (lambda s: s.replace("gdb_1", "gdb_77"), "no row of the label table has this mol_id"),
        (lambda s: s.replace("gdb_1", "\x00\x01"), "is not of the form gdb_N"),
    ],
)
def test_a_bad_record_is_a_failure_and_the_next_is_read(parse, tmp_path, damage, reason: str) -> None:
    bad = damage(water("gdb_1"))
    assert bad != water("gdb_1")
    records, failures = parse("qm9-sdf", write(tmp_path, bad + water("gdb_3"), table(["gdb_1", "gdb_3"])))
    assert records["id"].to_pylist() == ["gdb_3"]
    assert len(failures) == 1 and reason in failures[0].reason
    assert failures[0].where == "gdb9.sdf, record 0"


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "inf", "-", "1_0", "1e999", "twelve"])
def test_a_bad_label_is_a_failure_and_the_next_is_read(parse, tmp_path, cell: str) -> None:
    rows = table(["gdb_1", "gdb_3"]).splitlines()
    at = 1 + PROPERTIES.index("mu")
    cells = rows[1].split(", ")
    cells[at] = cell
    labels = "\n".join([rows[0], ", ".join(cells), rows[2], ""])
    records, failures = parse("qm9-sdf", write(tmp_path, water("gdb_1") + water("gdb_3"), labels))
    assert records["id"].to_pylist() == ["gdb_3"]
    assert [(f.id, f.reason) for f in failures] == [
        ("gdb_1", "mu holds a number that is missing or not finite")
    ]


def test_an_ambiguous_label_is_a_failure(parse, tmp_path) -> None:
    files = write(tmp_path, water("gdb_1") + water("gdb_3"), table(["gdb_1", "gdb_1"]))
    records, failures = parse("qm9-sdf", files)
    assert len(records) == 0 and "more than one row" in failures[0].reason and "no row" in failures[1].reason


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("gdb9.sdf", lambda s: b"", "empty"),
        ("gdb9.sdf", lambda s: b"<html>\n</html>\n", "not an SD file"),
        ("gdb9.sdf", lambda s: s[:-30], "ends in the middle of record 1"),
        ("gdb9.sdf", lambda s: s[: len(s) // 2], "1 records and .* 2 rows"),
        ("gdb9.sdf.csv", lambda s: b"", "empty"),
        ("gdb9.sdf.csv", lambda s: s.splitlines()[0], "no rows|not a readable CSV table"),
        (
            "gdb9.sdf.csv",
            lambda s: s.replace(b" mu,", b" dipole,"),
            "no column 'mu'; the columns are: mol_id, A, B, C, dipole",
        ),
        ("gdb9.sdf.csv", lambda s: s.replace(b" mu,", b" A,"), "no column 'mu'"),
        ("gdb9.sdf.csv", lambda s: s.replace(b"mol_id", b"mol_id, mu"), "column 'mu' stands twice"),
        ("gdb9.sdf.csv", lambda s: s[:-20], "not a readable CSV table"),
        ("gdb9.sdf.csv", lambda s: s.replace(b"gdb_3", b"\xff\xfe"), "not a readable CSV table"),
        ("gdb9.sdf.csv", lambda s: b"\xff" + s, "not a CSV header"),
        ("uncharacterized.txt", lambda s: b"", "empty"),
        ("uncharacterized.txt", lambda s: b"nothing\n", "no line with a number"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(parse, tmp_path, name: str, damage, reason: str) -> None:
    files = write(tmp_path, water("gdb_1") + water("gdb_3"), table(["gdb_1", "gdb_3"]))
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=f"(?s)({reason})"):
        parse("qm9-sdf", files)


def test_a_missing_file_is_named(parse, tmp_path) -> None:
    files = write(tmp_path, water("gdb_1"), table(["gdb_1"]))
    for i, what in enumerate(["structure file", "label table", "list of uncharacterised molecules"]):
        with pytest.raises(UserError, match=f"{what}.*is missing"):
            parse("qm9-sdf", files[:i] + files[i + 1 :])


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(n=st.integers(1, 40), shards=st.integers(1, 12), crlf=st.booleans())
def test_shards_do_not_change_the_records(parse, tmp_path_factory, n: int, shards: int, crlf: bool) -> None:
    ids = [f"gdb_{i}" for i in range(3, 3 + n)]
    sdf = "".join(map(water, ids)).replace("\n", "\r\n" if crlf else "\n")
    files = write(tmp_path_factory.mktemp("qm9"), sdf, table(ids))
    one, many = parse("qm9-sdf", files), parse("qm9-sdf", files, shards=shards)
    assert one.table.equals(many.table) and one.table["id"].to_pylist() == [i for i in ids if i != "gdb_40"]


def test_real_labelled_molecules(parse, real_data, tmp_path) -> None:
    import zipfile

    folder = real_data / "qm9" / "derived_subset_12000"
    with zipfile.ZipFile(folder / "qm9.zip") as archive:
        archive.extractall(tmp_path)
        rows = list(csv.DictReader(io.StringIO(archive.read("gdb9.sdf.csv").decode()), skipinitialspace=True))
    files = [tmp_path / "gdb9.sdf", tmp_path / "gdb9.sdf.csv", folder / "uncharacterized.txt"]
    records, failures = parse("qm9-sdf", files, shards=3)
    assert not failures and len(records) == 12_000
    assert records["id"].to_pylist() == [row["mol_id"] for row in rows]
    for name in PROPERTIES:
        assert records[name].to_pylist() == [float(row[name]) for row in rows]
    # These bonds were perceived from distances, which gives some small cages five-valent carbon.
    assert records["smiles"].null_count == 331


def test_the_official_and_the_rewritten_table_agree(parse, real_data) -> None:
    """The first molecules as the SD file with a table rewritten by pandas, and as the authors' xyz files."""
    folder = real_data / "qm9"
    excluded = folder / "uncharacterized" / "pyg_layout" / "uncharacterized.txt"
    files = [folder / "physicsml_first100" / "gdb9.sdf", folder / "physicsml_first100" / "gdb9.csv", excluded]
    records, failures = parse("qm9-sdf", files)
    assert not failures and len(records) == 97  # 58, 61 and 80 are on the list
    with (folder / "molflux_first10" / "gdb9.sdf.csv").open() as file:
        official = list(csv.DictReader(file, skipinitialspace=True))
    for row, record in zip(official, records.slice(0, 10).to_pylist(), strict=True):
        assert record["id"] == row["mol_id"]
        assert all(record[name] == float(row[name]) for name in PROPERTIES)


def test_the_real_list_has_3054_molecules(real_data) -> None:
    path = real_data / "qm9" / "uncharacterized" / "pyg_layout" / "uncharacterized.txt"
    numbers = uncharacterized({"u": path})
    assert len(numbers) == 3054 and 133_885 - len(numbers) == 130_831
    assert min(numbers) == 58 and max(numbers) <= 133_885
