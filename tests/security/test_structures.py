"""A stranger's PDB and SD files, arrays, tables and archives: refused in one line, soon, without a trace."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.data.build.builder import build
from molbench.data.build.sources.archive import extract
from molbench.data.folder.location import declared
from molbench.paths import home
from molbench.spec.catalogue import DatasetEntry
from tests.complex_files import pdb_file, protein, sd_file
from tests.security.conftest import Refused

CO = [{"x": 1.0, "y": 2.0, "z": 3.0, "element": "C"}, {"x": 2.1, "y": 2.0, "z": 3.0, "element": "O"}]
LIGAND, POCKET = sd_file(CO), pdb_file(protein(2, 0))


@pytest.fixture(autouse=True)
def ready() -> None:
    """The folder of datasets is there, so that whatever appears in it was left."""
    (home() / "datasets").mkdir(parents=True)


def replaced(text: str, line: int, columns: slice, value: str) -> bytes:
    """A file with other characters in some columns of one line, counted from 1."""
    lines = text.splitlines()
    row = lines[line - 1]
    lines[line - 1] = row[: columns.start] + value + row[columns.stop :]
    return "\n".join([*lines, ""]).encode("latin-1")


X, Y, Z = slice(30, 38), slice(38, 46), slice(46, 54)
POCKETS: dict[str, tuple[bytes, str]] = {
    "asterisks": (
        replaced(POCKET, 2, X, "********"),
        "1abc_pocket.pdb: line 2: not a coordinate: '********'",
    ),
    "a decimal comma": (replaced(POCKET, 3, Y, "   4,500"), "line 3: not a coordinate: '   4,500'"),
    "an overflow": (replaced(POCKET, 2, X, "-1234.567"), "line 2: not a coordinate: '-1234.56'"),
    "an overflow of all": (replaced(POCKET, 2, slice(30, 54), "-1234.567" * 3), "line 2: not a coordinate"),
    "nan": (replaced(POCKET, 2, Z, "     nan"), "line 2: not a coordinate: '     nan'"),
    "an exponent": (replaced(POCKET, 2, Z, "  1.0e+9"), "line 2: not a coordinate"),
    "control characters": (replaced(POCKET, 2, X, "\x1b[31m   "), r"line 2: not a coordinate: '\x1b[31m   '"),
    "a line cut": (POCKET[:120].encode(), "line 2: not a coordinate"),
    "one place": (replaced(POCKET, 2, slice(30, 54), POCKET[30:54]), "in one place"),
    "no atoms": (b"HEADER\nEND\n", "no atoms in it"),
    "nothing": (b"", "no atoms in it"),
    "noise": (bytes(range(256)) * 64, "no atoms in it"),
    "a page": (b"<html>404</html>", "no atoms in it"),
    "no element": (replaced(POCKET, 1, slice(76, 78), "XX"), "unknown element in atom 1"),
}


def ligand(line: int, columns: slice, value: str) -> bytes:
    return replaced(LIGAND, line, columns, value)


LIGANDS: dict[str, tuple[bytes, str]] = {
    "asterisks": (
        ligand(5, slice(0, 10), "*" * 10),
        "1abc_ligand.sdf: line 5: not a coordinate: '**********'",
    ),
    "a decimal comma": (ligand(6, slice(0, 10), "    2,1000"), "line 6: not a coordinate: '    2,1000'"),
    "an overflow": (ligand(5, slice(0, 10), "-12345.6789"), "line 5: not a coordinate: '-12345.678'"),
    "nan": (ligand(5, slice(10, 20), "       nan"), "line 5: not a coordinate"),
    "one place": (ligand(6, slice(0, 30), LIGAND.splitlines()[4][:30]), "in one place"),
    "a dummy": (ligand(5, slice(31, 34), "X  "), "an atom of no element"),
    "a query": (ligand(5, slice(31, 34), "Q  "), "an atom of no element"),
    "more atoms than lines": (ligand(4, slice(0, 3), "999"), "cut short"),
    "negative counts": (ligand(4, slice(0, 3), " -1"), "not a whole number"),
    "a bond to nowhere": (ligand(7, slice(0, 6), "  1 99"), "RDKit cannot read it"),
    "nothing": (b"", "not a whole number"),
    "noise": (bytes(range(256)) * 64, "not a whole number"),
    "an empty block of version 3": (
        b"\n\n\n  0  0  0     0  0            999 V3000\nM  END\n",
        "RDKit cannot read it",
    ),
    "an endless continuation": (
        b"\n\n\n  0  0  0     0  0            999 V3000\n" + b"M  V30 -\n" * 50_000,
        "RDKit cannot read it",
    ),
}


def lba(raw: Path) -> Callable[[], object]:
    return lambda: build(declared("lba-pdbbind"), raw=raw, offline=True, allow_partial=True)


def complexes(folder: Path, pocket: bytes, sdf: bytes) -> Path:
    raw = folder / "raw" / "1abc"
    raw.mkdir(parents=True)
    (raw / "1abc_pocket.pdb").write_bytes(pocket)
    (raw / "1abc_ligand.sdf").write_bytes(sdf)
    (raw.parent / "INDEX_refined_data.2019").write_text(
        "1abc  2.00  2010   6.00  Kd=1uM  // 1abc.pdf (LIG)\n"
    )
    return raw.parent


@pytest.mark.parametrize("name", POCKETS)
def test_a_protein_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    content, reason = POCKETS[name]
    assert reason in refused(lba(complexes(tmp_path, content, LIGAND.encode())))


@pytest.mark.parametrize("name", LIGANDS)
def test_a_ligand_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    content, reason = LIGANDS[name]
    assert reason in refused(lba(complexes(tmp_path, POCKET.encode(), content)))


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


def stored(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


RNG = np.random.default_rng(0)
FRAMES: dict[str, bytes] = {
    "z": stored(np.array([8, 1, 1], dtype=np.uint8)),
    "R": stored(RNG.uniform(-0.3, 0.3, (50, 3, 3)) + np.eye(3)),
    "E": stored(RNG.normal(size=50)),
    "F": stored(RNG.normal(size=(50, 3, 3))),
}


def header(descr: str, shape: str) -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path("executed").touch, ()


ARRAYS: dict[str, tuple[dict[str, bytes], str]] = {
    "a pickle": ({"R": stored(np.array([Hostile()], dtype=object))}, "expected plain numbers"),
    "a pickle for a unit": ({"e_unit": stored(np.array(Hostile(), dtype=object))}, "not one short text"),
    "bare pickle": ({"R": pickle.dumps([1.0])}, "not an undamaged npz archive"),
    "more frames than bytes": ({"R": npy(header("'<f8'", "(10**9, 3, 3)"))}, "not an undamaged npz archive"),
    "a shape beyond memory": (
        {"R": npy(header("'<f8'", "(9223372036854775807, 3, 3)"))},
        "does not fit its 0 bytes",
    ),
    "a negative shape": ({"R": npy(header("'<f8'", "(-1, 3, 3)"))}, "does not fit its 0 bytes"),
    "a header that nests": ({"R": npy("(" * 30_000)}, "not an undamaged npz archive"),
    "a header that calls": (
        {"R": npy("__import__('os').system('touch executed')")},
        "not an undamaged npz archive",
    ),
    "an unknown version": (
        {"R": npy(header("'<f8'", "(1,)"), version=b"\x09\x00")},
        "unknown format version",
    ),
    "complex numbers": ({"R": stored(np.ones((50, 3, 3), complex))}, "expected plain numbers"),
    "records": ({"R": stored(np.zeros(50, dtype=[("x", "f8")]))}, "expected plain numbers"),
    "another number of frames": ({"E": stored(np.zeros(49))}, "expected (50,) for 3 atoms"),
    "element 0": ({"z": stored(np.array([0, 1, 1]))}, "no atomic number"),
    "element 119": ({"z": stored(np.array([119, 1, 1]))}, "no atomic number"),
    "element nan": ({"z": stored(np.array([np.nan, 1, 1]))}, "no atomic number"),
    "a million elements": ({"z": stored(np.ones(1_000_000, np.uint8))}, "expected one number an atom"),
    "no positions": ({"R": b""}, "not an undamaged npz archive"),
    "other units": ({"e_unit": stored(np.array("eV"))}, "the file says eV, md17 declares kcal/mol"),
    "units that colour": ({"e_unit": stored(np.array("\x1b[31m"))}, r"'\x1b[31m' is no unit of energy"),
    "a list of units": ({"e_unit": stored(np.array(["eV", "eV"]))}, "not one short text"),
    "positions in Bohr": ({"r_unit": stored(np.array("bohr"))}, "positions are in a0"),
    "atoms in one place": ({"R": stored(np.zeros((50, 3, 3)))}, "in one place"),
    "nothing finite": ({"R": stored(np.full((50, 3, 3), np.nan))}, "not finite"),
    "no molecule's size": ({"R": stored(np.eye(3) * 1e6 + np.zeros((50, 3, 3)))}, "beyond 10,000 Å"),
}


def ethanol(raw: Path) -> Callable[[], object]:
    return lambda: build(declared("md17"), raw=raw, offline=True, subsets=["ethanol"], allow_partial=True)


def write_npz(path: Path, arrays: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_trajectory_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    changes, reason = ARRAYS[name]
    write_npz(tmp_path / "raw" / "md17_ethanol.npz", FRAMES | changes)
    assert reason in refused(ethanol(tmp_path / "raw"))
    assert not Path("executed").exists()


def test_an_array_stored_twice_is_refused(tmp_path: Path, refused: Refused) -> None:
    write_npz(tmp_path / "raw" / "md17_ethanol.npz", FRAMES)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "raw" / "md17_ethanol.npz", "a") as archive,
    ):
        archive.writestr("R.npy", FRAMES["R"])
    assert "no array 'R'" in refused(ethanol(tmp_path / "raw"))


@pytest.mark.parametrize("cut", [10, 0.5, -1])
def test_a_trajectory_cut_short_is_refused(tmp_path: Path, refused: Refused, cut: float) -> None:
    path = tmp_path / "raw" / "md17_ethanol.npz"
    write_npz(path, FRAMES)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut) if cut == 0.5 else int(cut)])
    assert "cut short" in refused(ethanol(tmp_path / "raw"))


VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def rows(**changes: Any) -> dict[str, Any]:
    columns = {
        "id": pa.array([f"m{i}" for i in range(40)]),
        "atomic_numbers": pa.array([[1, 1]] * 40, pa.list_(pa.uint8())),
        "positions": pa.array([[[0, 0, 0], [0, 0, 0.74]]] * 40, VECTORS),
        "energy": pa.array([0.0] * 40),
    }
    return {name: value for name, value in (columns | changes).items() if value is not None}


TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no ids": ({"id": None}, "no column id"),
    "ids of numbers": ({"id": pa.array(range(40))}, "column 'id' is int64"),
    "missing ids": ({"id": pa.array([None] * 40, pa.string())}, "id is missing"),
    "one id": ({"id": pa.array(["a"] * 40)}, "id repeated"),
    "ids that colour": ({"id": pa.array(["\x1b[31m\n"] * 40)}, r"'\x1b[31m\n'"),
    "flat positions": ({"positions": pa.array([[0.0]] * 40)}, "column 'positions' is"),
    "positions of text": ({"positions": pa.array([["0"]] * 40)}, "column 'positions' is"),
    "pairs of coordinates": (
        {"positions": pa.array([[[0, 0]] * 2] * 40, pa.list_(pa.list_(pa.float32(), 2)))},
        "column 'positions' is",
    ),
    "fewer positions than atoms": (
        {"positions": pa.array([[[0, 0, 0]]] * 40, VECTORS)},
        "not as many entries",
    ),
    "no atoms": (
        {
            "atomic_numbers": pa.array([[]] * 40, pa.list_(pa.uint8())),
            "positions": pa.array([[]] * 40, VECTORS),
        },
        "a molecule without atoms",
    ),
    "element 0": ({"atomic_numbers": pa.array([[0, 1]] * 40, pa.list_(pa.uint8()))}, "no element"),
    "nan": ({"positions": pa.array([[[0, 0, 0], [0, 0, float("nan")]]] * 40, VECTORS)}, "not finite"),
    "infinity": ({"energy": pa.array([float("inf")] * 40)}, "energy is missing or not finite"),
    "one place": ({"positions": pa.array([[[0, 0, 0]] * 2] * 40, VECTORS)}, "in one place"),
    "far": ({"positions": pa.array([[[0, 0, 0], [0, 0, 1e9]]] * 40, VECTORS)}, "beyond 10,000 Å"),
    "a label of text": ({"energy": pa.array(["0"] * 40)}, "column 'energy' is string"),
}


def toy(folder: Path) -> Callable[[], object]:
    """Builds the dataset that a Parquet file below ``raw`` is declared as."""
    declaration = {
        "name": "theirs",
        "version": "1.0.0",
        "title": "-",
        "summary": "-",
        "record": "molecule",
        "licence": "-",
        "citation": [],
        "parser": "records",
        "options": {"columns": ["energy"]},
        "records": 40,
        "sources": {"records": {"filename": "theirs.parquet"}},
        "targets": {"energy": {"unit": "eV", "description": "-"}},
    }
    scheme = {"generator": "everything", "description": "-"}
    (folder / "declared").mkdir()
    (folder / "declared" / "dataset.yaml").write_text(yaml.safe_dump(declaration))
    (folder / "declared" / "splits.yaml").write_text(yaml.safe_dump({"schemes": {"pretrain": scheme}}))
    (folder / "declared" / "tasks.yaml").write_text("tasks: {}\n")
    return lambda: build(DatasetEntry("theirs", folder / "declared"), raw=folder / "raw", offline=True)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    changes, reason = TABLES[name]
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.table(rows(**changes)), tmp_path / "raw" / "theirs.parquet")
    assert reason in refused(toy(tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:100],
        lambda content: content[:-20] + content[-10:],
        lambda content: content[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
        lambda content: b"PAR1" + bytes(1000) + b"PAR1",
        lambda content: b"PK\x03\x04" + content,
        lambda _: b"PAR1PAR1",
    ],
)
def test_a_damaged_table_is_refused(
    tmp_path: Path, refused: Refused, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "raw" / "theirs.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table(rows()), path)
    path.write_bytes(damage(path.read_bytes()))
    assert "damaged" in refused(toy(tmp_path))


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x", link: str = ""
) -> tuple[Any, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(content), link
    return info, content


#: What is in each archive, made when its test asks, and what the reader says of it.
ARCHIVES: dict[str, tuple[Callable[[], list[tuple[Any, bytes]]], str]] = {
    "out of the folder": (lambda: [member("../../wanted.sdf")], "leads out of the folder"),
    "an absolute path": (lambda: [member("/tmp/wanted.sdf")], "leads out of the folder"),
    "another drive": (lambda: [member("c:/wanted.sdf")], "leads out of the folder"),
    "backslashes": (lambda: [member("..\\wanted.sdf")], "leads out of the folder"),
    "a symbolic link": (
        lambda: [member("wanted.sdf", tarfile.SYMTYPE, b"", "/etc/passwd")],
        "a link or a device",
    ),
    "a hard link": (lambda: [member("wanted.sdf", tarfile.LNKTYPE, b"", "other.sdf")], "a link or a device"),
    "a device": (lambda: [member("wanted.sdf", tarfile.CHRTYPE, b"")], "a link or a device"),
    "a pipe": (lambda: [member("wanted.sdf", tarfile.FIFOTYPE, b"")], "a link or a device"),
    "twice": (
        lambda: [member("a/wanted.sdf"), member("b/wanted.sdf")],
        "two members are called 'wanted.sdf'",
    ),
    "not there": (lambda: [member("other.sdf")], "no member '*wanted.sdf'; it has: 'other.sdf'"),
    "names that colour": (lambda: [member("\x1b[31m.sdf")], r"it has: '\x1b[31m.sdf'"),
    "a bomb": (lambda: [member("other.sdf", content=bytes(128 << 20))], "times its own size: refused"),
    "a hundred thousand members": (
        lambda: [member(f"{i}.sdf", content=b"") for i in range(150_000)],
        "times its own size",
    ),
    "a name of ten megabytes": (lambda: [member("a" * (10 << 20))], "a header of more than a megabyte"),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "a hundred thousand members" else name
        for name in ARCHIVES
    ],
)
def test_an_archive_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    members, reason = ARCHIVES[name]
    path = tmp_path / "theirs.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as archive:
        for info, content in members():
            archive.addfile(info, io.BytesIO(content))
    assert reason in refused(lambda: extract(path, ["*wanted.sdf"], tmp_path / "target"))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["../wanted.sdf"], "leads out of the folder"),
        (["/wanted.sdf"], "leads out of the folder"),
        (["a/wanted.sdf", "b/wanted.sdf"], "two members are called"),
        (["a/\x1b[31m"], r"'a/\x1b[31m'"),
    ],
)
def test_a_zip_archive_is_refused(tmp_path: Path, refused: Refused, names: list[str], reason: str) -> None:
    path = tmp_path / "theirs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    assert reason in refused(lambda: extract(path, ["*wanted.sdf"], tmp_path / "target"))


def test_a_zip_bomb_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "theirs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("wanted.sdf", bytes(256 << 20))
    assert "times its own size" in refused(lambda: extract(path, ["*wanted.sdf"], tmp_path / "target"))
