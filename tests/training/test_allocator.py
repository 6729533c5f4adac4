import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import resource
from molbench.training.allocator import tune_allocator
print(tune_allocator())
import torch
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        a, b = torch.ones(20_000_000), torch.ones(20_000_000)
        del a, b
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(6):
    count = faults()
print(count)
"""


def run(**environment: str) -> tuple[bool, int]:
    command = [sys.executable, "-c", SCRIPT]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=clean | environment, timeout=240
    )
    tuned, faults = done.stdout.split()
    return tuned == "True", int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is what is tuned")
def test_blocks_are_kept_so_that_pages_are_not_faulted_in_again() -> None:
    tuned, faults = run()
    if not tuned:
        pytest.skip("the C library is not glibc")
    assert faults < 1000


def test_settings_of_the_user_are_left_alone() -> None:
    tuned, _ = run(MALLOC_ARENA_MAX="2")
    assert not tuned
