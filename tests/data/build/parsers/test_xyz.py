"""Multi-frame xyz files."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.elements import SYMBOLS
from molbench.errors import UserError

PACK = {"a.xyz": bytes, "a.xyz.gz": gzip.compress, "a.xyz.xz": lzma.compress, "a.xyz.bz2": bz2.compress}

coordinate = st.floats(-1e4, 1e4).map(lambda value: round(value, 4))
atom = st.tuples(st.sampled_from(SYMBOLS), coordinate, coordinate, coordinate)


def apart(atoms: list[tuple[str, float, float, float]]) -> list[tuple[str, float, float, float]]:
    """The atoms with x near 1, 2, 3 and so on, so that no two are in one place."""
    return [(symbol, round(i + x / 25_000, 4), y, z) for i, (symbol, x, y, z) in enumerate(atoms)]


identifier = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
frames = st.lists(
    st.tuples(identifier, st.lists(atom, min_size=1, max_size=6).map(apart)), min_size=1, max_size=8
)


def text(content: list[tuple[str, list[tuple[str, float, float, float]]]]) -> str:
    return "".join(
        f"{len(atoms)}\n{title}\n" + "".join(f"{s} {x:.4f} {y:.4f} {z:.4f}\n" for s, x, y, z in atoms)
        for title, atoms in content
    )


def write(folder: Path, content: str | bytes, name: str = "a.xyz") -> list[Path]:
    (folder / name).write_bytes(PACK[name](content if isinstance(content, bytes) else content.encode()))
    return [folder / name]


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(content=frames, name=st.sampled_from(sorted(PACK)), crlf=st.booleans(), blank=st.booleans())
def test_what_is_written_is_read(parse, tmp_path_factory, content, name, crlf, blank) -> None:
    raw = text(content) + ("\n\n" if blank else "")
    records, failures = parse(
        "xyz", write(tmp_path_factory.mktemp("xyz"), raw.replace("\n", "\r\n") if crlf else raw, name)
    )
    assert not failures and records["id"].to_pylist() == [title.strip() for title, _ in content]
    for (_, atoms), record in zip(content, records.to_pylist(), strict=True):
        assert record["atomic_numbers"] == [SYMBOLS.index(symbol) + 1 for symbol, *_ in atoms]
        expected = np.array([xyz for _, *xyz in atoms], dtype=np.float32)
        assert np.array_equal(np.array(record["positions"], dtype=np.float32), expected)


WATER = "3\nwater\nO 0 0 0\nH 0.9 0 0\nH -0.3 0.9 0\n"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (("O 0 0 0", "Q 0 0 0"), "unknown element 'Q' in atom 1"),
        (("O 0 0 0", "o 0 0 0"), "unknown element 'o' (symbols are written as in 'O') in atom 1, line 3"),
        (
            ("H 0.9 0 0", "CL 0.9 0 0"),
            "unknown element 'CL' (symbols are written as in 'Cl') in atom 2, line 4",
        ),
        (("H 0.9 0 0", "X 0.9 0 0"), "unknown element 'X' (a dummy atom) in atom 2, line 4"),
        (("H 0.9 0 0", "0 0.9 0 0"), "unknown element '0' (a dummy atom) in atom 2, line 4"),
        (("H 0.9 0 0", "119 0.9 0 0"), "unknown element '119' in atom 2, line 4"),
        (("H 0.9 0 0", "C1 0.9 0 0"), "unknown element 'C1' in atom 2, line 4"),
        (("H 0.9 0 0", "H 0,9 0 0"), "not a number: '0,9' in atom 2, line 4"),
        (("H 0.9 0 0", "H ******** 0 0"), "not a number: '********' in atom 2, line 4"),
        (("H 0.9 0 0", "H 0 0 0"), "atoms 1 and 2 in one place, 0 Å apart"),
        (("H 0.9 0 0", "H 0 0 -0.01"), "atoms 1 and 2 in one place, 0.01 Å apart"),
        (("H 0.9 0 0", "H 1e5 0 0"), "a coordinate beyond 10,000 Å"),
        (("O 0 0 0", "O 0 0"), "not a symbol and three coordinates in atom 1, line 3"),
        (("O 0 0 0", ""), "not a symbol and three coordinates in atom 1, line 3"),
        (("O 0 0 0", "O 0 0 zero"), "not a number: 'zero'"),
        (("O 0 0 0", "O 0 0 1_0"), "not a number: '1_0'"),
        (("O 0 0 0", "O nan 0 0"), "positions holds a number that is missing or not finite"),
        (("O 0 0 0", "O 1e39 0 0"), "positions holds a number that is missing or not finite"),
        (("\nwater\n", "\n\n"), "the id, is empty"),
        (("\nwater\n", "\n\udcff\n"), "the id, is not UTF-8"),
    ],
)
def test_a_bad_frame_is_a_failure_and_the_next_is_read(parse, tmp_path, damage, reason: str) -> None:
    raw = WATER.replace(*damage) + WATER.replace("water", "next")
    records, failures = parse("xyz", write(tmp_path, raw.encode("utf-8", "surrogateescape")))
    assert records["id"].to_pylist() == ["next"]
    assert len(failures) == 1 and reason in failures[0].reason and failures[0].where == "a.xyz, line 1"


def test_numbers_stand_for_symbols_and_isotopes_for_their_element(parse, tmp_path) -> None:
    raw = WATER.replace("O 0 0 0", "8 0 0 0").replace("H 0.9", "D 0.9").replace("H -0.3", "T -0.3")
    records, failures = parse("xyz", write(tmp_path, raw))
    assert not failures and records["atomic_numbers"].to_pylist() == [[8, 1, 1]]


def test_frames_without_atoms_are_failures(parse, tmp_path) -> None:
    records, failures = parse("xyz", write(tmp_path, "0\nnothing\n" + WATER))
    assert len(records) == 1 and [(f.id, f.reason) for f in failures] == [
        ("nothing", "a frame without atoms")
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        ("\n \n\n", "nothing but blank lines"),
        ("not an xyz file\n", "line 1: expected the number of atoms"),
        (WATER + "four\nx\n", "line 6: expected the number of atoms of a frame: not a whole number: 'four'"),
        (WATER.replace("3\n", "2\n") + WATER, "line 5: expected the number of atoms"),
        (WATER[:20], "ends 2 atoms into the frame of 3 from line 1: cut short"),
        ("99999999999\nx\nO 0 0 0\n", "ends 1 atoms into the frame of 99999999999 from line 1"),
        (
            "9999\nx\n" + ("O 0 0 0 " + "0 " * 9000 + "\n") * 1000,
            "frame of 9,999 atoms from line 1 is larger",
        ),
        ("3\n" + "x" * (2 << 20), "a line of more than a million characters"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(parse, tmp_path, raw: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("xyz", write(tmp_path, raw))


@pytest.mark.parametrize("name", ["a.xyz.gz", "a.xyz.xz", "a.xyz.bz2"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.98])
def test_a_compressed_file_that_is_cut_short_is_refused(parse, tmp_path, name: str, share: float) -> None:
    (path,) = write(tmp_path, WATER * 500, name)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=r"cut short|empty"):
        parse("xyz", [path])


def test_real_geometries_are_the_start_of_qm9(parse, real_data, tmp_path) -> None:
    with lzma.open(real_data / "qm9" / "geometries" / "qm9_geometries.xyz.xz", "rb") as file:
        head = b"".join(file.readline() for _ in range(7 + 6 + 5))
    records, failures = parse("xyz", write(tmp_path, head))
    assert not failures and records["id"].to_pylist() == ["gdb_1", "gdb_2", "gdb_3"]
    assert records["atomic_numbers"].to_pylist() == [[6, 1, 1, 1, 1], [7, 1, 1, 1], [8, 1, 1]]
