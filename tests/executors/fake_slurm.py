"""``sbatch``, ``srun``, ``sacct`` and ``scancel`` for one machine, as scripts in a folder of PATH."""

from pathlib import Path

SBATCH = """#!/usr/bin/env python3
import os, re, subprocess, sys
from pathlib import Path
state = Path(os.environ["FAKE_SLURM"])
script = Path(sys.argv[-1]).read_text()
number = 1 + sum(1 for _ in state.glob("submitted-*"))
(state / f"submitted-{number}").write_text(script)
array = re.search(r"--array=(\\d+)-(\\d+)", script)
for task in range(int(array[1]), int(array[2]) + 1) if array else [None]:
    name = f"{number}_{task}" if array else str(number)
    env = {**os.environ, "SLURM_JOB_ID": str(number), "FAKE_NAME": name}
    if array:
        env |= {"SLURM_ARRAY_JOB_ID": str(number), "SLURM_ARRAY_TASK_ID": str(task)}
    ranks = {"PROCID": 0, "LOCALID": 0, "NTASKS": 1, "JOB_NUM_NODES": 1, "NODEID": 0}
    env |= {f"SLURM_{key}": str(value) for key, value in ranks.items()}
    file = state / f"{name}.sh"
    file.write_text(script)
    done = state / f"{name}.state"
    done.write_text("RUNNING")
    quiet = subprocess.DEVNULL  # whoever called waits until nobody holds its pipe
    command = f"sleep 1; bash {file} >/dev/null 2>&1 && echo COMPLETED > {done} || echo FAILED > {done}"
    subprocess.Popen(["sh", "-c", command], env=env, start_new_session=True, stdout=quiet, stderr=quiet)
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
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT, "scancel": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return state
