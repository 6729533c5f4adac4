"""Records with elements that a model does not know are found, and none of the others."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molbench.data.read.elements import refuse_heavier
from molbench.errors import UserError

RECORDS = st.lists(
    st.tuples(*(st.lists(st.integers(1, 54), max_size=4) for _ in range(2))), min_size=1, max_size=6
)


@given(RECORDS, st.integers(1, 54), st.data())
def test_what_is_refused_is_what_is_heavier(records, largest: int, data: st.DataObject) -> None:
    sizes = np.array([[len(part) for part in record] for record in records])
    starts = np.concatenate([[0], sizes.ravel().cumsum()[:-1]]).reshape(sizes.shape)
    numbers = np.array([z for record in records for part in record for z in part], dtype=np.uint8)
    index = SimpleNamespace(numbers=numbers, starts=starts, sizes=sizes)
    ids = pa.array([f"r{i}" for i in range(len(records))])
    store = SimpleNamespace(atom_index=index, ids=ids, dataset_id="made-up")
    order = data.draw(st.permutations(range(len(records))))
    rows = data.draw(st.sampled_from([None, np.array(order[: 1 + len(order) // 2])]))

    chosen = range(len(records)) if rows is None else rows
    heavy = [i for i in chosen if any(z > largest for part in records[i] for z in part)]
    if not heavy:
        refuse_heavier(store, rows, "model", largest)  # type: ignore[arg-type]
        return
    with pytest.raises(UserError) as caught:
        refuse_heavier(store, rows, "model", largest)  # type: ignore[arg-type]
    told = str(caught.value)
    assert f" {len(heavy)} of {len(chosen)} records of made-up " in told
    assert f"'r{heavy[0]}' has " in told


def test_elements_are_named() -> None:
    index = SimpleNamespace(numbers=np.array([6, 17]), starts=np.array([[0]]), sizes=np.array([[2]]))
    store = SimpleNamespace(atom_index=index, ids=pa.array(["a"]), dataset_id="d")
    with pytest.raises(UserError, match=r"^backbone 'egnn' knows elements up to F, .*: 'a' has Cl$"):
        refuse_heavier(store, None, "backbone 'egnn'", 9)  # type: ignore[arg-type]
