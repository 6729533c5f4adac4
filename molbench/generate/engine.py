"""Runs the jobs of a generator: in parallel, resumable, and with the same bytes for the same seed."""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from molbench.atomic import replace_file

VECTORS = pa.list_(pa.list_(pa.float32(), 3))

#: Columns that every generated table starts with; positions are in Å.
RECORD_FIELDS = (
    pa.field("id", pa.string()),
    pa.field("atomic_numbers", pa.list_(pa.uint8())),
    pa.field("positions", VECTORS),
    pa.field("smiles", pa.string()),
    pa.field("level_of_theory", pa.string()),
)

#: Packages whose version can change the numbers.
_SOFTWARE = ("tblite", "pyscf", "ase", "rdkit", "numpy", "scipy")

#: Parallel libraries add in an order that depends on the number of threads: one thread gives one result.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class RejectedCandidate:
    """A candidate that did not become a record, and why."""

    id: str
    smiles: str
    reason: str


@dataclass(frozen=True)
class JobOutcome:
    """What one job gives: rows in record columns, and the candidates it rejected."""

    rows: list[dict[str, Any]]
    rejections: list[RejectedCandidate]


@dataclass(frozen=True)
class Generator:
    """A dataset that is computed.

    Attributes:
        name: as in ``molbench data generate``.
        schema: columns of the table.
        plan: from the seed and the limit to independent picklable jobs in source order.
        compute: one job; a module-level function, so that worker processes can import it.
    """

    name: str
    schema: pa.Schema
    plan: Callable[[int, int | None], Sequence[Any]]
    compute: Callable[[Any], JobOutcome]


def run(
    generator: Generator,
    out: Path,
    *,
    seed: int,
    limit: int | None,
    num_proc: int,
    progress: Callable[[int, int], None] | None,
) -> Path:
    """Computes every job and joins the results into one Parquet file.

    A finished job is kept beside ``out`` until all are done, so that an interrupted run goes on where it
    stopped; the folder is named after everything that decides the numbers, so that no other run is mixed in.
    The metadata of the file hold the seed, the software versions and the rejected candidates, as JSON under
    the key ``molbench``.

    Returns:
        ``out``.

    Raises:
        Exception: whatever a job raises; the jobs finished before it are kept.
    """
    provenance = {
        "name": generator.name,
        "seed": seed,
        "limit": limit,
        "software": {package: version(package) for package in _SOFTWARE},
    }
    key = hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:12]
    folder = out.with_name(f".{out.name}.{key}.jobs")
    jobs = generator.plan(seed, limit)
    parts = [folder / f"{index:05d}.parquet" for index in range(len(jobs))]
    waiting = [index for index, part in enumerate(parts) if not part.exists()]
    if progress:
        progress(len(jobs) - len(waiting), len(jobs))
    with _single_threaded_pool(num_proc) as pool:
        futures = [pool.submit(_compute_part, generator, jobs[index], parts[index]) for index in waiting]
        for done, future in enumerate(as_completed(futures), start=len(jobs) - len(waiting) + 1):
            future.result()
            if progress:
                progress(done, len(jobs))
    _join(parts, provenance, out)
    shutil.rmtree(folder)
    return out


def _compute_part(generator: Generator, job: Any, part: Path) -> None:
    """Computes one job in a worker process and stores it."""
    outcome = generator.compute(job)
    rejections = json.dumps([vars(rejection) for rejection in outcome.rejections])
    table = pa.Table.from_pylist(outcome.rows, generator.schema.with_metadata({"rejections": rejections}))
    with replace_file(part) as temporary:
        pq.write_table(table, temporary)


def _join(parts: Sequence[Path], provenance: dict[str, Any], out: Path) -> None:
    """Writes all parts in order as one file."""
    tables = [pq.read_table(part) for part in parts]
    rejections = [entry for table in tables for entry in json.loads(table.schema.metadata[b"rejections"])]
    counts = dict(Counter(entry["reason"] for entry in rejections))
    report = {**provenance, "rejected": counts, "rejections": rejections}
    table = pa.concat_tables(tables).replace_schema_metadata({"molbench": json.dumps(report, sort_keys=True)})
    with replace_file(out) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=9)


@contextmanager
def _single_threaded_pool(num_proc: int) -> Iterator[ProcessPoolExecutor]:
    """Worker processes that see one thread in every numerical library.

    The libraries read the variables when they load, so they are set before the (spawned) workers start.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    pool = ProcessPoolExecutor(num_proc, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
