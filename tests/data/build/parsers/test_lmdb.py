"""LMDB files without the library that trusts them."""

from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.lmdb import Database
from molbench.errors import UserError
from tests.complex_files import write_lmdb

CONTENT = st.dictionaries(
    st.binary(min_size=1, max_size=60),
    st.one_of(st.binary(max_size=200), st.integers(0, 20_000).map(lambda n: b"v" * n)),
    max_size=60,
)


@settings(deadline=None, max_examples=30)
@given(content=CONTENT)
def test_what_the_library_writes_is_read(tmp_path_factory, content) -> None:
    with Database(write_lmdb(tmp_path_factory.mktemp("db"), content)) as database:
        assert dict(database) == content and list(database) == sorted(content)


def test_many_keys_make_a_tree_and_the_last_transaction_counts(tmp_path) -> None:
    content = {f"{i:06d}".encode() * 8: str(i).encode() for i in range(3000)}
    write_lmdb(tmp_path, content)
    path = write_lmdb(tmp_path, {b"a": b"later", b"0" * 48: b"changed"})
    with Database(path) as database:
        assert len(database) == 3001 and database[b"a"] == b"later" and database[b"0" * 48] == b"changed"
    with Database(tmp_path) as database:
        assert database[b"000007" * 8] == b"7"


@pytest.mark.parametrize("raw", [b"", b"x", b"\0" * 9000, b"<html></html>" * 900])
def test_something_else_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(raw)
    with pytest.raises(UserError, match="not an"):
        Database(tmp_path / "data.mdb")


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="not an LMDB database"):
        Database(tmp_path / "data.mdb")


def test_a_database_that_is_cut_short_is_refused(tmp_path) -> None:
    path = write_lmdb(tmp_path, {str(i).encode(): b"x" * 9000 for i in range(20)})
    raw = path.read_bytes()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(raw[: int(share * len(raw))])
        with pytest.raises(UserError, match="undamaged"):
            Database(path)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_damaged_database_never_ends_the_process(tmp_path_factory, data) -> None:
    path = write_lmdb(
        tmp_path_factory.mktemp("db"), {f"{i:04d}".encode() * 9: b"x" * (i * 40) for i in range(150)}
    )
    raw = bytearray(path.read_bytes())
    page = data.draw(st.integers(0, len(raw) // 4096 - 1)) * 4096
    for _ in range(data.draw(st.integers(1, 6))):
        raw[page + data.draw(st.integers(0, 180))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        with Database(path) as database:
            assert sum(len(value) for value in database.values()) < 150 * len(raw)
    except UserError:
        return


def test_a_real_database_is_what_the_library_says(real_data) -> None:
    folder = real_data / "lba" / "atom3d_test_lmdb"
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        expected = dict(transaction.cursor())
    with Database(folder) as database:
        assert dict(database) == expected
