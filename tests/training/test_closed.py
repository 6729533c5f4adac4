"""Processes that trained together close their connection before they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads the names of threads"),
    pytest.mark.skipif(torch.__version__ < "2.13", reason="older PyTorch may not end where the threads do"),
]

#: What is registered first is executed last, after whatever training has registered.
THREADS = """
import atexit, os
from pathlib import Path
def tell():
    names = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    os.write(2, f"threads {' '.join(sorted(names))}\\n".encode())
atexit.register(tell)
from tests.training import toy
toy.main()
"""


def test_no_thread_of_the_connection_is_left_to_the_end_of_the_interpreter(tmp_path: Path) -> None:
    """Such a thread may want the interpreter's lock when there is no interpreter, which ends in a crash."""
    script = tmp_path / "train.py"
    script.write_text(THREADS)
    given = {"out": str(tmp_path / "weights"), "devices": 2, "config": {"steps": 2}}
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("threads")]
    assert len(lines) == 2 and not [line for line in lines if "gloo" in line or "tcpstore" in line], (
        done.stderr
    )
