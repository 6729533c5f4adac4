import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.generate import engine
from molbench.generate.engine import Generator, JobOutcome, RejectedCandidate

SCHEMA = pa.schema([pa.field("id", pa.string())])


class Interrupted(Exception):
    pass


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    """Threads instead of processes, so that the generators of this file need not be importable."""
    monkeypatch.setattr(engine, "version", lambda package: "0")

    @contextmanager
    def threads(num_proc):
        with ThreadPoolExecutor(num_proc) as pool:
            yield pool

    monkeypatch.setattr(engine, "_single_threaded_pool", threads)


def counting(calls, fails=()):
    def compute(job):
        calls.append(job)
        if job in fails:
            raise Interrupted
        return JobOutcome(
            [{"id": f"{job}-{k}"} for k in range(2)], [RejectedCandidate(f"{job}-x", "C", "too soft")]
        )

    return Generator("toy", SCHEMA, lambda seed, limit: list(range(limit)), compute)


def run(generator, out, **options):
    options = {"seed": 0, "limit": 4, "num_proc": 1, "progress": None, **options}
    return engine.run(generator, out, **options)


def test_rows_are_in_source_order_whatever_the_number_of_workers(tmp_path):
    one = run(counting([]), tmp_path / "one.parquet")
    three = run(counting([]), tmp_path / "three.parquet", num_proc=3)
    assert pq.read_table(one)["id"].to_pylist() == [f"{job}-{k}" for job in range(4) for k in range(2)]
    assert one.read_bytes() == three.read_bytes()


def test_interrupted_run_goes_on_where_it_stopped(tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(Interrupted):
        run(counting([], fails={2}), out)
    assert not out.exists()
    calls = []
    run(counting(calls), out)
    assert 2 in calls
    assert not {0, 1} & set(calls)
    assert out.read_bytes() == run(counting([]), tmp_path / "whole.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "whole.parquet"]


def test_other_seed_does_not_take_over_old_parts(tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(Interrupted):
        run(counting([], fails={2}), out)
    calls = []
    run(counting(calls), out, seed=1)
    assert sorted(calls) == [0, 1, 2, 3]


def test_metadata_tell_the_seed_and_the_rejections(tmp_path):
    table = pq.read_table(run(counting([]), tmp_path / "out.parquet"))
    report = json.loads(table.schema.metadata[b"molbench"])
    assert (report["name"], report["seed"], report["limit"]) == ("toy", 0, 4)
    assert report["rejected"] == {"too soft": 4}
    assert report["rejections"][0] == {"id": "0-x", "smiles": "C", "reason": "too soft"}


def test_progress_ends_with_all_jobs(tmp_path):
    seen = []
    run(counting([]), tmp_path / "out.parquet", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
