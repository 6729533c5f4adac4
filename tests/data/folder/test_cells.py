"""Cells partition the records, and the globs of the card pick exactly the right ones."""

from fnmatch import fnmatch
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.folder.cells import CellSpool, cell_folders, cell_glob, cell_names, rebatch
from molbench.errors import UserError

LABELS = ["train", "validation", "test", "unused"]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 7), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_globs_pick_exactly_the_labelled_records(n_schemes, n, seed):
    rng = np.random.default_rng(seed)
    schemes = [f"scheme-{i}" for i in range(n_schemes)]
    labels = {scheme: rng.choice(LABELS, size=n) for scheme in schemes}
    names = cell_names(labels)
    for scheme in schemes:
        for split in LABELS:
            picked = [fnmatch(f"{name}.parquet", cell_glob(schemes, scheme, split)) for name in names]
            assert picked == (labels[scheme] == split).tolist()


def test_unknown_labels_are_refused():
    with pytest.raises(ValueError, match="dev"):
        cell_names({"a": np.array(["train", "dev"])})
    with pytest.raises(UserError, match="no split scheme"):
        cell_names({})


@pytest.mark.parametrize("spill_bytes", [1, 1 << 30])
def test_spool_keeps_every_record_in_order(tmp_path, molecules, spill_bytes):
    table = molecules(300)
    names = cell_names({"a": np.random.default_rng(0).choice(LABELS, size=300)})
    (tmp_path / "spool").mkdir()
    spool = CellSpool(tmp_path / "spool", table.schema, spill_bytes)
    for start in range(0, 300, 70):
        spool.add(table.slice(start, 70), names[start : start + 70])
    spool.write(tmp_path / "cells", level=1)
    for name in np.unique(names):
        expected = table.filter(pa.array(names == name))
        assert pq.read_table(tmp_path / "cells" / f"{name}.parquet").equals(expected)
    assert not any((tmp_path / "spool").iterdir())


def test_bytes_depend_on_neither_chunks_nor_spills(tmp_path, molecules):
    table = molecules(200)
    names = cell_names({"a": np.random.default_rng(0).choice(LABELS, size=200)})
    written = []
    for step, spill_bytes in ((13, 1), (200, 1 << 30)):
        folder = tmp_path / str(step)
        folder.mkdir()
        spool = CellSpool(folder, table.schema, spill_bytes)
        for start in range(0, 200, step):
            spool.add(table.slice(start, step), names[start : start + step])
        spool.write(folder / "cells", level=9)
        written.append({path.name: path.read_bytes() for path in (folder / "cells").iterdir()})
    assert written[0] == written[1]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_rebatch_keeps_rows(sizes, rows):
    values = np.arange(sum(sizes))
    bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    tables = [pa.table({"x": values[a:b]}) for a, b in pairwise(bounds)]
    out = list(rebatch(tables, rows))
    assert [len(table) for table in out[:-1]] == [rows] * (len(out) - 1)
    assert [x for table in out for x in table.column("x").to_pylist()] == values.tolist()


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_every_scheme_has_a_folder_and_no_folder_too_many_cells(data) -> None:
    n = data.draw(st.integers(1, 300))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    labels = {f"s{i}": rng.choice(["train", "validation", "test"], n) for i in range(12)}
    folders = cell_folders(labels)
    assert [name for schemes in folders.values() for name in schemes] == list(labels)
    assert next(iter(folders)) == "cells"
    for schemes in folders.values():
        names = cell_names({name: labels[name] for name in schemes})
        assert len(schemes) == 1 or np.unique(names).size <= 32


def test_a_few_schemes_share_one_folder() -> None:
    rng = np.random.default_rng(0)
    labels = {f"s{i}": rng.choice(["train", "validation", "test"], 2118) for i in range(3)}
    assert cell_folders(labels) == {"cells": ["s0", "s1", "s2"]}
