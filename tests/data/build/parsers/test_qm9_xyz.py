"""QM9 from the authors' xyz files."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.qm9 import PROPERTIES
from molbench.data.build.parsers.qm9_xyz import read_molecule
from molbench.data.build.sources.archive import pack_files
from molbench.errors import UserError

EXCLUDED = "  2   C   C   [C]   1.5\n"


def water(i: int) -> str:
    values = "\t".join(f"{i}.{k:02d}" for k in range(len(PROPERTIES)))
    return (
        f"3\ngdb {i}\t{values}\t\n"
        "O\t0.1\t-2.5*^-6\t 0.3\t-0.4\nH\t0.9\t0.0\t1.5e-1\t 0.2\nH\t-0.3\t0.9\t0\t 0.2\n"
        "1600.1\t3700.2\t3800.3\nO\t[OH2]\t\nInChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2\n"
    )


def write(folder: Path, texts: Sequence[str | bytes], name: str = "dsgdb9nsd.xyz.tar.bz2") -> list[Path]:
    with tarfile.open(folder / name, "w:bz2" if name.endswith("bz2") else "w") as archive:
        for i, text in enumerate(texts, start=1):
            content = text if isinstance(text, bytes) else text.encode()
            member = tarfile.TarInfo(f"./dsgdb9nsd_{i:06d}.xyz")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (folder / "uncharacterized.txt").write_text(EXCLUDED)
    return [folder / name, folder / "uncharacterized.txt"]


def test_everything_in_a_file_is_read(parse, tmp_path) -> None:
    records, failures = parse("qm9-xyz", write(tmp_path, [water(1), water(2), water(3)]))
    assert not failures and records["id"].to_pylist() == ["gdb_1", "gdb_3"]
    record = records.slice(1).to_pylist()[0]
    assert record["atomic_numbers"] == [8, 1, 1] and record["smiles"] == "[OH2]"
    assert np.allclose(record["positions"], [[0.1, -2.5e-6, 0.3], [0.9, 0, 0.15], [-0.3, 0.9, 0]], atol=1e-12)
    assert np.allclose(record["mulliken"], [-0.4, 0.2, 0.2])
    assert [record[name] for name in PROPERTIES] == [float(f"3.{k:02d}") for k in range(len(PROPERTIES))]


@pytest.mark.parametrize("name", ["a.tar", "dsgdb9nsd.xyz.tar.bz2"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_containers_and_line_ends_do_not_matter(parse, tmp_path, name: str, end: str) -> None:
    files = write(tmp_path, [water(1).replace("\n", end), water(3).replace("\n", end)], name)
    records, failures = parse("qm9-xyz", files)
    assert not failures and len(records) == 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda s: "", "not a whole number"),
        (lambda s: s.replace("3\n", "-3\n", 1), "not a whole number: '-3'"),
        (lambda s: s.replace("3\n", "0\n", 1), "without atoms"),
        (lambda s: s.replace("3\n", "9\n", 1), "too few for 9 atoms"),
        (lambda s: s.replace("3\n", "2\n", 1), "not the two SMILES"),
        (lambda s: s[:60], "cut short"),
        (lambda s: s.replace("gdb 1", "gdb one"), "not a whole number: 'one'"),
        (lambda s: s.replace("gdb 1", "mol 1"), "line 2 is not 'gdb'"),
        (lambda s: s.replace("\t1.03", ""), "line 2 is not 'gdb', an index and 15 properties"),
        (lambda s: s.replace("1.03", "1.0.3"), "not a number: '1.0.3'"),
        (lambda s: s.replace("1.03", "nan"), "mu holds a number that is missing or not finite"),
        (lambda s: s.replace("1.03", "1.0*^999"), "mu holds a number that is missing or not finite"),
        (lambda s: s.replace("O\t0.1", "Oo\t0.1"), "unknown element 'Oo' in atom 1"),
        (lambda s: s.replace("O\t0.1", "O\t0.1\t7"), "6 columns instead of 5 in atom 1"),
        (lambda s: s.replace("O\t0.1", "O\t1e40"), "positions holds a number"),
        (lambda s: s.replace("-0.4\n", "inf\n"), "mulliken holds a number"),
        (lambda s: s.replace("[OH2]", "é"), "not the two SMILES"),
        (lambda s: s.encode().replace(b"O\t0.1", b"\xff\xfe\t0.1"), "unknown element"),
    ],
)
def test_a_bad_file_is_a_failure_and_the_next_is_read(parse, tmp_path, damage, reason: str) -> None:
    records, failures = parse("qm9-xyz", write(tmp_path, [damage(water(1)), water(3)]))
    assert records["id"].to_pylist() == ["gdb_3"]
    assert len(failures) == 1 and reason in failures[0].reason
    assert failures[0].where == "dsgdb9nsd_000001.xyz"


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0, 0.99))
def test_an_archive_that_is_cut_short_is_refused(parse, tmp_path_factory, share: float) -> None:
    folder = tmp_path_factory.mktemp("cut")
    files = write(folder, [water(i) for i in range(3, 60)])
    content = files[0].read_bytes()
    files[0].write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"cut short|empty"):
        parse("qm9-xyz", files)


def test_an_archive_of_something_else_is_refused(parse, tmp_path) -> None:
    with pytest.raises(UserError, match=r"no \.xyz file"):
        parse("qm9-xyz", write(tmp_path, []))


@settings(deadline=None, max_examples=50)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=15, max_size=15),
    mathematica=st.booleans(),
)
def test_numbers_come_back_exactly(values: list[float], mathematica: bool) -> None:
    shown = [repr(value).replace("e", "*^") if mathematica else repr(value) for value in values]
    head, _, rest = water(7).partition("\ngdb 7\t")
    text = f"{head}\ngdb 7\t{chr(9).join(shown)}\t\n{rest.partition(chr(10))[2]}"
    index, molecule = read_molecule(text.encode())
    assert index == 7 and [molecule[name] for name in PROPERTIES] == values


def test_real_files_agree_with_the_sd_file(parse, real_data, tmp_path) -> None:
    folder = real_data / "qm9"
    excluded = folder / "uncharacterized" / "pyg_layout" / "uncharacterized.txt"
    archive = pack_files(folder / "dsgdb9nsd_raw_xyz", ".xyz", tmp_path / "a.tar")
    xyz, failures = parse("qm9-xyz", [archive, excluded])
    assert not failures and len(xyz) == 20
    sdf, _ = parse("qm9-sdf", [*(folder / "physicsml_first100").glob("gdb9.*"), excluded])
    for ours, theirs in zip(xyz.to_pylist(), sdf.slice(0, 20).to_pylist(), strict=True):
        assert ours["id"] == theirs["id"] and ours["atomic_numbers"] == theirs["atomic_numbers"]
        assert np.allclose(ours["positions"], theirs["positions"], atol=5.1e-5)
        assert [ours[name] for name in PROPERTIES] == [theirs[name] for name in PROPERTIES]
        assert abs(sum(ours["mulliken"])) < 1e-5
