"""Whoever holds a lock is alone, also while others remove lock files, and none is left."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from molbench.exclusive import BusyError, exclusive, hold, lock_beside, remove_leftovers

COUNTED = 150


def count_up(counter: Path) -> None:
    for _ in range(COUNTED):
        with exclusive(counter):
            counter.write_text(str(int(counter.read_text()) + 1))


def test_no_change_is_lost_and_no_lock_stays(tmp_path: Path) -> None:
    """Each lets its lock file go while others wait for it."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(count_up, counter) for _ in range(4)]:
            done.result(timeout=120)
    assert int(counter.read_text()) == 4 * COUNTED
    assert list(tmp_path.iterdir()) == [counter]


def test_who_does_not_wait_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "one.lock"
    with hold(lock), pytest.raises(BusyError), hold(lock, wait=False):
        raise AssertionError("two hold it")
    with hold(lock, wait=False):
        assert lock.exists()
    assert not lock.exists()


def test_only_locks_that_nobody_holds_are_leftovers(tmp_path: Path) -> None:
    held, left, missing = (tmp_path / name for name in ("held.lock", "left.lock", "missing.lock"))
    left.touch()
    with hold(held):
        remove_leftovers([held, left, missing])
        assert list(tmp_path.iterdir()) == [held]


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    lock = lock_beside(tmp_path / "thing")
    code = (
        "import os, signal, sys; from pathlib import Path; from molbench.exclusive import hold\n"
        "with hold(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(lock)], check=False, timeout=60)
    assert lock.exists()
    with hold(lock, wait=False):
        pass
    assert not lock.exists()
