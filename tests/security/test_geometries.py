"""A stranger's xyz file: each is refused in one line, soon, in little memory, and leaves nothing."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from molbench.data.build.importing import import_file
from molbench.paths import home
from tests.security.conftest import Refused

pytestmark = pytest.mark.slow

ZEROS = b"0 " * 500_000
GOOD = b"2\nhydrogen\nH 0 0 0\nH 0 0 0.74\n"


def atom(line: bytes) -> bytes:
    """Two frames, the second with a line of its own."""
    return GOOD + b"2\nsecond\nH 0 0 0\n" + line + b"\n"


def frame(comment: bytes) -> bytes:
    return b"1\n" + comment + b"\nH 0 0 0\n"


HEAP = b"".join(b"H 0 0 %d\n" % (i % 2) for i in range(60_000))

FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"\n" * 1000, "nothing but blank lines"),
    "noise": (bytes(range(256)) * 100, "expected the number of atoms"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 5000, "expected the number of atoms"),
    "html": (b"<html><body>404</body></html>\n", "expected the number of atoms"),
    "a negative number of atoms": (b"-1\nx\n", "not a whole number: '-1"),
    "half an atom": (b"1.5\nx\nH 0 0 0\n", "not a whole number"),
    "hexadecimal atoms": (b"0x2\nx\n", "not a whole number"),
    "digits of another script": ("٢\nx\n".encode(), "not a whole number"),
    "a number of atoms of a thousand digits": (b"9" * 1000 + b"\nx\n", "not a whole number"),
    "more atoms than memory": (b"9" * 18 + b"\nx\nH 0 0 0\n", "cut short"),
    "a unit behind the number": (b"1 bohr\nx\nH 0 0 0\n", "not a whole number"),
    "cut in a line": (GOOD[:-6], "not a symbol and three coordinates in atom 2, line 4"),
    "cut in a frame": (GOOD[:18], "cut short"),
    "an endless line": (b"2\n" + b"x" * (3 << 20), "a line of more than a million characters"),
    "an endless frame": (b"99999\nx\n" + (b"H 0 0 0 " + ZEROS[:20_000] + b"\n") * 900, "larger than 16 MiB"),
    "no id": (b"1\n   \nH 0 0 0\n", "the comment line, which is the id, is empty"),
    "an id in no encoding": (frame(b"\xff\xfe"), "is not UTF-8"),
    "an id that colours": (b"1\n\x1b[31mred\nX 0 0 0\n", r"'\\x1b[31mred'"),
    "an id that turns round": ("1\na\u202egnp.exe\nX 0 0 0\n".encode(), r"\\u202e"),
    "an id of a bell": (b"1\n\x07\x00\x7f\nX 0 0 0\n", "unknown element 'X'"),
    "the same id twice": (GOOD * 2, "id repeated: it is record 1 already"),
    "an element of control characters": (atom(b"\x1b[2J 0 0 1"), r"unknown element '\\x1b[2J'"),
    "a dummy atom": (atom(b"X 0 0 1"), "unknown element 'X' (a dummy atom) in atom 2, line 8"),
    "an atom name": (atom(b"CA 0 0 1"), "symbols are written as in 'Ca'"),
    "element 0": (atom(b"0 0 0 1"), "unknown element '0'"),
    "element 119": (atom(b"119 0 0 1"), "unknown element '119'"),
    "not a number": (atom(b"H 0 0 nan"), "positions holds a number that is missing or not finite"),
    "infinity": (atom(b"H 0 0 -inf"), "positions holds a number that is missing or not finite"),
    "beyond float64": (atom(b"H 0 0 1e400"), "positions holds a number that is missing or not finite"),
    "beyond float32": (atom(b"H 0 0 1e39"), "positions holds a number that is missing or not finite"),
    "beyond a molecule": (atom(b"H 0 0 20000"), "a coordinate beyond 10,000 Å"),
    "a number of ten thousand digits": (atom(b"H 0 0 " + b"9" * 10_000), "missing or not finite"),
    "a hexadecimal float": (atom(b"H 0 0 0x1p3"), "not a number: '0x1p3' in atom 2, line 8"),
    "thousands set off": (atom(b"H 0 0 1_000"), "not a number: '1_000'"),
    "a decimal comma": (atom(b"H 0 0 0,74"), "not a number: '0,74'"),
    "an overflowing column": (atom(b"H 0 0 ********"), "not a number: '********'"),
    "a full-width digit": (atom("H 0 0 １".encode()), "not a number"),
    "one place": (atom(b"H 0 0 0"), "atoms 1 and 2 in one place"),
    "nearly one place": (atom(b"H 0 0 1e-30"), "atoms 1 and 2 in one place"),
    "a heap": (b"60000\nheap\n" + HEAP, "in one place, 0 Å apart"),
    "a periodic cell": (frame(b'pbc="T T T"'), "periodic"),
    "a cell alone": (frame(b'Lattice="9 0 0 0 9 0 0 0 9"'), "a Lattice is periodic unless"),
    "half a quotation": (frame(b'pbc="T T T'), "is not three of T and F"),
    "a cell that is both": (frame(b'pbc="F F F" pbc="T T T"'), "stands twice"),
    "no positions": (frame(b"Properties=species:S:1:forces:R:3"), "has no pos:R:3"),
    "columns without end": (frame(b"Properties=species:S:1:pos:R:99999999999"), "is not name:type:count"),
    "columns of nothing": (frame(b"Properties=:::::"), "is not name:type:count"),
    "a thousand columns": (frame(b"Properties=" + b":".join([b"a:R:1"] * 1000)), "has 'a' twice"),
    "columns that colour": (frame(b"Properties=\x1b[31m:S:1:pos:R:3"), r"it has: '\\x1b[31m, pos'"),
    "an unknown unit": (frame(b"units=\x1b[5mparsec"), "no unit of length; known: "),
    "a million braces": (frame(b"{" * 900_000 + b' pbc="T T T"'), "periodic"),
}


@pytest.fixture(autouse=True)
def ready() -> None:
    """The folder of datasets is there, so that whatever appears in it was left."""
    (home() / "datasets").mkdir(parents=True)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_geometries_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    content, reason = FILES[name]
    path = tmp_path / "theirs.xyz"
    path.write_bytes(content)
    message = refused(lambda: import_file(path, "theirs"))
    assert reason.replace("\\\\", "\\") in message


def bomb(pack: str) -> bytes:
    """A frame whose first atom is half a gigabyte long."""
    blocks = [b"1\nbomb\n", *([bytes(1 << 20)] * 512)]
    if pack == "gz":
        return gzip.compress(b"".join(blocks), compresslevel=1)
    maker = lzma.LZMACompressor(preset=0) if pack == "xz" else bz2.BZ2Compressor(1)
    return b"".join([*(maker.compress(block) for block in blocks), maker.flush()])


@pytest.mark.slow
@pytest.mark.parametrize("pack", ["gz", "xz"])
def test_a_bomb_does_not_go_off(tmp_path: Path, refused: Refused, pack: str) -> None:
    path = tmp_path / f"theirs.xyz.{pack}"
    path.write_bytes(bomb(pack))
    assert path.stat().st_size < 10 << 20
    assert "a line of more than a million characters" in refused(lambda: import_file(path, "theirs"))


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".xyz.gz", gzip.compress(GOOD)[:-6]),
        (".xyz.gz", gzip.compress(GOOD) + b"trailing"),
        (".xyz.gz", GOOD),
        (".xyz.xz", lzma.compress(GOOD)[:-6]),
        (".xyz.xz", b"\xfd7zXZ\x00" + b"\0" * 100),
        (".xyz.bz2", bz2.compress(GOOD)[:-2]),
        (".xyz.bz2", gzip.compress(GOOD)),
    ],
    ids=["short gz", "gz and more", "no gz", "short xz", "empty xz", "short bz2", "gz called bz2"],
)
def test_a_damaged_stream_is_refused(tmp_path: Path, refused: Refused, suffix: str, content: bytes) -> None:
    path = tmp_path / f"theirs{suffix}"
    path.write_bytes(content)
    assert "cut short or damaged" in refused(lambda: import_file(path, "theirs"))


def test_what_is_no_file_is_refused(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "folder.xyz").mkdir()
    (tmp_path / "itself.xyz").symlink_to(tmp_path / "itself.xyz")
    faults = {"folder": "is a folder", "itself": "is a link that leads nowhere", "missing": "no such file"}
    for name, fault in faults.items():
        assert fault in refused(lambda name=name: import_file(tmp_path / f"{name}.xyz", "theirs"))


@pytest.mark.parametrize("name", ["a\nb.xyz", "\x1b[31m.xyz", "a\u202ezyx.xyz", " .xyz", "NUL.xyz"])
def test_a_file_of_such_a_name_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    (tmp_path / name).write_bytes(GOOD)
    message = refused(lambda: import_file(tmp_path / name, "theirs"))
    assert "cannot name a file" in message or "name of a device" in message


NAMES = [
    *(
        "../theirs",
        "..",
        ".",
        "/etc/passwd",
        "a/../../b",
        "a\\b",
        "",
        " ",
        "-rf",
        "--help",
        "~",
        "$HOME",
        "%PATH%",
    ),
    *("My set", "QM9", "müsli", "qm9-partial", "qm9", "con", "nul.txt", "com1", "a.", "a..b", ".hidden"),
    *(
        "a\nb",
        "a\0b",
        "\x1b[31m",
        "a\u202eb",
        "\u200b",
        "ａ",
        "a" * 65,
        "a" * 100_000,
        "*",
        "?",
        "a@b",
        "<b>",
        "'a'",
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_such_a_name_is_refused(tmp_path: Path, refused: Refused, name: str) -> None:
    path = tmp_path / "theirs.xyz"
    path.write_bytes(GOOD)
    assert "name" in refused(lambda: import_file(path, name))
