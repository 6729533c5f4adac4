"""The check that every record passes before it is built."""

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.build.parsers import Chunk, Failure
from molbench.data.build.parsers.columns import RECORD_TYPES
from molbench.data.build.soundness import sound_records

NAN, INF = float("nan"), float("inf")


def chunk(*records: dict, failures: tuple[Failure, ...] = ()) -> Chunk:
    """Records of two hydrogen atoms, but for what is given."""
    rows = [
        {"id": "abcdefgh"[i], "atomic_numbers": [1, 1], "positions": [[0, 0, 0], [0, 0, 0.74]]} | record
        for i, record in enumerate(records)
    ]
    columns = {
        name: pa.array([row[name] for row in rows], RECORD_TYPES.get(name, pa.float64())) for name in rows[0]
    }
    return Chunk(pa.table(columns), failures, tuple(f"file, line {i + 1}" for i in range(len(rows))))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"positions": [[0, 0, 0], [0, NAN, 0]]}, "positions holds a number that is missing or not finite"),
        ({"positions": [[0, 0, 0], [0, 0, -INF]]}, "positions holds a number that is missing or not finite"),
        ({"positions": [[0, 0, 0], [0, 0, 2e4]]}, "beyond 10,000 Å"),
        ({"positions": [[1, 1, 1], [1, 1, 1]]}, "atoms 1 and 2 in one place"),
        ({"positions": [[0, 0, 0]]}, "2 atomic numbers and 1 positions"),
        ({"atomic_numbers": [1, 0]}, "an atomic number that is no element's"),
        ({"atomic_numbers": [119, 1]}, "an atomic number that is no element's"),
    ],
)
def test_an_unsound_record_is_a_failure_at_its_place_and_the_others_stay(fault: dict, reason: str) -> None:
    known = Failure("x", "file, line 9", "known before")
    actual = sound_records(chunk({}, fault, {}, failures=(known,)))
    assert actual.table.column("id").to_pylist() == ["a", "c"]
    assert actual.places == ("file, line 1", "file, line 3")
    assert actual.failures[0] == known and len(actual.failures) == 2
    assert (actual.failures[1].id, actual.failures[1].where) == ("b", "file, line 2")
    assert reason in actual.failures[1].reason


def test_sound_records_pass_as_they_are() -> None:
    given = chunk({}, {}, {"positions": [[0, 0, 9999.0], [0, 0, -9999.0]]})
    assert sound_records(given) is given


def test_numbers_at_any_depth_must_be_finite_and_a_missing_label_is_not_a_wrong_one() -> None:
    table = pa.table(
        {
            "id": list("abcd"),
            "charges": pa.array([[0.0], [NAN], [], None], pa.list_(pa.float32())),
            "tensor": pa.array([[[1, 2]], [], [[1, INF]], None], pa.list_(pa.list_(pa.float32(), 2))),
            "energy": [1.0, 2.0, 3.0, None],
        }
    )
    actual = sound_records(Chunk(table))
    assert actual.table.column("id").to_pylist() == ["a", "d"]
    assert [(f.id, f.where, f.reason.split()[0]) for f in actual.failures] == [
        ("b", "place unknown", "charges"),
        ("c", "place unknown", "tensor"),
    ]


def test_two_structures_of_one_record_may_lie_on_one_another() -> None:
    """A ligand in two structures of its protein, which are aligned."""
    pair = [[0, 0, 0], [0, 0, 0.74]]
    both = {"atomic_numbers": [1] * 4, "positions": pair * 2}
    actual = sound_records(chunk(both | {"structure": [0, 0, 1, 1]}, both | {"structure": [0, 0, 0, 0]}))
    assert actual.table.column("id").to_pylist() == ["a"]
    assert "in one place" in actual.failures[0].reason


def test_each_record_is_judged_by_itself() -> None:
    rng = np.random.default_rng(0)
    records = [{"positions": rng.uniform(-1, 1, (2, 3)).tolist()} for _ in range(5)]
    assert sound_records(chunk(*records, *records[:3])).failures == ()
