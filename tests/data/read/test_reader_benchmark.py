"""The benchmark of the reader reads the store as it is today."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_both_readers_are_timed(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "benchmarks/reader.py",
            "datasets/xtb-molecules",
            "--target",
            "homo",
            "--repeats",
            "1",
        ],
        cwd=ROOT,
        env={**os.environ, "MOLBENCH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    report = json.loads(done.stdout)
    assert report["molecules"] > 2000
    assert all(rate > 0 for rate in report["graphs per second (median)"].values())
