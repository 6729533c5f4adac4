"""Splits that are published as files of records."""

import pyarrow as pa
import pytest

from molbench.data.build.splits import assign
from molbench.errors import UserError
from molbench.spec.splits import Scheme
from tests.complex_files import write_database

NAMES = {"train": "a", "validation": "b", "test": "c"}


def scheme(**more: object) -> Scheme:
    return Scheme(generator="membership", parameters=NAMES | more, description="test")


def keys(*ids: str) -> pa.Table:
    return pa.table({"id": list(ids)})


@pytest.fixture
def files(tmp_path):
    parts = {"a": ["r0", "r1", "r2"], "b": ["r3"], "c": ["r4", "r5"]}
    return {
        name: write_database(tmp_path / name, [{"id": i} for i in members]) for name, members in parts.items()
    }


def test_a_record_goes_where_it_is_listed(files) -> None:
    labels = assign(scheme(sizes=[3, 1, 2]), keys("r4", "r0", "r3", "r1", "r2", "r5"), files=files)
    assert labels.tolist() == ["test", "train", "validation", "train", "train", "test"]
    labels = assign(scheme(), keys("r4", "else", "r0", "r3"), files=files)
    assert labels.tolist() == ["test", "unused", "train", "validation"]


def test_lists_of_ids_do_as_well(files, tmp_path) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbfr0\r\nr1\r\nr2\r\n")
    mixed = files | {"a": tmp_path / "train.txt"}
    labels = assign(scheme(), keys("r2", "r3", "r5"), files=mixed)
    assert labels.tolist() == ["train", "validation", "test"]


def test_published_sizes_hold_for_the_complete_dataset_only(files) -> None:
    with pytest.raises(UserError, match=r"are \[3, 1, 2\], published are \[2, 2, 2\]"):
        assign(scheme(sizes=[2, 2, 2]), keys("r0", "r1", "r2", "r3", "r4", "r5"), files=files)
    assign(scheme(sizes=[2, 2, 2]), keys("r0", "r1", "r3", "r4", "r5"), files=files)


def test_what_cannot_be_right_is_refused(files, tmp_path) -> None:
    ids = keys("r0", "r3", "r4")
    with pytest.raises(UserError, match="split file 'b' is not among the sources"):
        assign(scheme(), ids, files={"a": files["a"]})
    with pytest.raises(UserError, match="'a' and 'c' share the record 'r0'"):
        assign(
            scheme(), ids, files=files | {"c": write_database(tmp_path / "d", [{"id": "r0"}, {"id": "r4"}])}
        )
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(UserError, match="no ids"):
        assign(scheme(), ids, files=files | {"c": tmp_path / "empty.txt"})
    for content in (b"", b"[1]", b"{}", b"{", b"\xff"):
        damaged = write_database(tmp_path / f"e{content.hex()}", [{}], extra={b"id_to_idx": content})
        with pytest.raises(UserError, match="id_to_idx"):
            assign(scheme(), ids, files=files | {"c": damaged})
