import os
import subprocess
import sys

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="processes of Unix")]

FURTHER = """
import os, subprocess, sys, time
if os.environ.get("LOCAL_RANK", "0") == "0":
    from molbench.training.loop import _end_together
    _end_together()
    child = subprocess.Popen([sys.executable, __file__], env={**os.environ, "LOCAL_RANK": "1"})
    print(child.pid, flush=True)
    time.sleep(60)
time.sleep(float(os.environ["PAUSE"]))  # imports what it needs, say
from molbench.training.loop import _end_together
_end_together()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("pause", ["0", "2"])
def test_a_further_process_of_a_training_ends_with_the_first(tmp_path, pause: str) -> None:
    """Whether the first one is killed before the further one has come so far, or later."""
    script = tmp_path / "train.py"
    script.write_text(FURTHER)
    environment = {**os.environ, "PAUSE": pause}
    environment.pop("LOCAL_RANK", None)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as first:
        assert first.stdout is not None
        further = psutil.Process(int(first.stdout.readline()))
        if pause == "0":
            assert first.stdout.readline() == "ready\n"
        first.kill()
    assert not psutil.wait_procs([further], timeout=30)[1]


def test_a_process_alone_goes_on() -> None:
    script = "from molbench.training.loop import _end_together; _end_together(); print('on')"
    environment = {**os.environ, "LOCAL_RANK": "1"}  # started by another launcher
    environment.pop("MOLBENCH_FIRST_PROCESS", None)
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.stdout == "on\n"
