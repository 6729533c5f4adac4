"""``sbatch``, ``srun``, ``sacct`` and ``scancel`` for one machine, as scripts in a folder of PATH."""

from itertools import count
from pathlib import Path

# submitit remembers for the whole process which numbers have ended: no two clusters give the same.
_FIRST_NUMBERS = count(1000, 1000)

SBATCH = """#!/usr/bin/env python3
import os, re, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

state = Path(os.environ["FAKE_SLURM"])
quiet = subprocess.DEVNULL  # whoever called waits until nobody holds its pipe


def perform(number, task):
    name = number if task is None else f"{number}_{task}"
    env = {**os.environ, "SLURM_JOB_ID": number}
    if task is not None:
        env |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(task)}
    ranks = {"PROCID": 0, "LOCALID": 0, "NTASKS": 1, "JOB_NUM_NODES": 1, "NODEID": 0}
    env |= {f"SLURM_{key}": str(value) for key, value in ranks.items()}

    def tell(what):  # whole at once: an empty state is read as an end
        (state / f"{name}.next").write_text(what)
        (state / f"{name}.next").replace(state / f"{name}.state")

    tell("RUNNING")
    script = str(state / f"submitted-{number}")
    code = subprocess.run(["bash", script], env=env, stdin=quiet, stdout=quiet, stderr=quiet).returncode
    tell("FAILED" if code else "COMPLETED")


if sys.argv[1] == "--perform":
    time.sleep(1)  # the one who submits moves what a job reads to where it looks
    array = re.search(r"--array=(\\d+)-(\\d+)(?:%(\\d+))?", (state / f"submitted-{sys.argv[2]}").read_text())
    tasks = range(int(array[1]), int(array[2]) + 1) if array else [None]
    with ThreadPoolExecutor(int(array[3] or len(tasks)) if array else 1) as at_once:
        list(at_once.map(lambda task: perform(sys.argv[2], task), tasks))
else:
    number = str(int((state / "first").read_text()) + sum(1 for _ in state.glob("submitted-*")))
    (state / f"submitted-{number}").write_text(Path(sys.argv[-1]).read_text())
    runner = [sys.executable, __file__, "--perform", number]
    subprocess.Popen(runner, start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)
    print(f"Submitted batch job {number}")
"""

SRUN = """#!/usr/bin/env python3
import os, sys
words = sys.argv[1:]
while words and words[0].startswith("-"):
    words.pop(0) if "=" in words[0] or words[0] in {"--unbuffered"} else (words.pop(0), words.pop(0))
os.execvp(words[0], words)
"""

SACCT = """#!/usr/bin/env python3
import os
from pathlib import Path
print("JobID|State|NodeList")
for path in Path(os.environ["FAKE_SLURM"]).glob("*.state"):
    print(f"{path.stem}|{path.read_text().strip()}|here")
"""


def install(folder: Path) -> Path:
    """Write the scripts below a folder; returns the folder of their state."""
    programs, state = folder / "bin", folder / "state"
    for path in (programs, state):
        path.mkdir(parents=True)
    (state / "first").write_text(str(next(_FIRST_NUMBERS)))
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT, "scancel": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return state
