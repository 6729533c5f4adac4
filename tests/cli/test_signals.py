"""What a signal does to the command line and to processes that libraries fork from it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: A command that forks as pools of processes do, and tells what SIGTERM does in the fork.
CODE = """
import multiprocessing, signal
from molbench.cli import main

def app():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.apply(signal.getsignal, (signal.SIGTERM,)) == signal.SIG_DFL)
    print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)

main.app = app
main.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks")
def test_a_forked_process_ends_by_sigterm_whatever_it_waits_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["True", "False"], done.stderr
