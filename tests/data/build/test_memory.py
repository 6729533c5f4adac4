"""Memory that a build needs does not grow with the coordinates it reads."""

import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ATOMS, GROUP = 120, 2000
VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def write_raw(path, records):
    rng = np.random.default_rng(0)
    offsets = pa.array(np.arange(GROUP + 1, dtype=np.int32) * ATOMS)
    numbers = pa.ListArray.from_arrays(offsets, pa.array(np.full(GROUP * ATOMS, 6, np.uint8)))
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("atomic_numbers", numbers.type),
            ("positions", VECTORS),
            ("energy", pa.float64()),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, records, GROUP):
            coordinates = pa.array(
                (rng.random((GROUP, ATOMS, 3)) / 2 + np.arange(ATOMS)[:, None]).astype(np.float32).ravel()
            )
            flat = pa.FixedSizeListArray.from_arrays(coordinates, type=VECTORS.value_type)
            positions = pa.ListArray.from_arrays(offsets, flat)
            ids = [f"{i:06d}" for i in range(start, start + GROUP)]
            writer.write_table(pa.table([ids, numbers, positions, rng.random(GROUP)], schema=schema))


def peak_memory(entry, raw):
    """Peak resident bytes of a process that builds."""
    code = f"""
        import resource
        from pathlib import Path
        from molbench.data.build.builder import build
        from molbench.spec.catalogue import DatasetEntry

        build(DatasetEntry("big", Path({str(entry.folder)!r})), raw=Path({str(raw)!r}), level=1)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True, timeout=240
    )
    return int(run.stdout)


@pytest.mark.slow
def test_peak_memory_does_not_follow_the_dataset(declare, raw):
    peaks = []
    for records in (30_000, 90_000):
        write_raw(raw / "big.parquet", records)
        peaks.append(
            peak_memory(declare(None, name="big", options={"columns": ["energy"]}, records=records), raw)
        )
    more_coordinates = 60_000 * ATOMS * 13
    assert peaks[1] - peaks[0] < more_coordinates / 2, (
        f"peaks {peaks}, {more_coordinates:,} bytes more to read"
    )
