"""The README's commands in an empty folder, each with the time that it takes beside the one that it says.

``--wheel dist/molbench-….whl`` first makes an empty environment and installs the wheel into it; without it
the commands are those of the interpreter that runs this.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from benchmarks.child import processor_seconds, without_python_variables
from benchmarks.record import Measured, options_of, report

README = Path(__file__).resolve().parents[1] / "README.md"
LINE = re.compile(r"^\$ (?P<command>.*?) +# (?P<number>\d+) (?P<unit>s|min)$", re.MULTILINE)


def commands() -> list[tuple[list[str], int]]:
    """What is typed, and the seconds that the README says it takes."""
    text = README.read_text(encoding="utf-8")
    return [
        (shlex.split(line["command"]), int(line["number"]) * (60 if line["unit"] == "min" else 1))
        for line in LINE.finditer(text)
    ]


def run(typed: list[str], command: list[str], folder: Path, seconds: int) -> tuple[Measured, bool]:
    """Run ``command``, which does what is ``typed``; what it took, and whether it did what it should.

    Of a machine that does something else beside, processor time says more than the clock: the smaller counts.
    """
    before, start = processor_seconds(), time.monotonic()
    environment = without_python_variables()
    ended = subprocess.run(
        command, cwd=folder, env=environment | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    clock, processor = time.monotonic() - start, processor_seconds() - before
    if ended.returncode:
        print(ended.stdout[-2000:], ended.stderr[-2000:], sep="\n")
    cells = {"s": clock, "s of processors": processor, "s in the README": seconds}
    ran = ended.returncode == 0
    held = ran and min(clock, processor) <= seconds
    return Measured(f"`{shlex.join(typed)}`", {**cells, "held": held}), ran


def main() -> None:
    """Type them one after the other; the exit code says whether all of them did what they should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="Install this into an empty environment first.")
    parser.add_argument("--commands", type=int, help="Only the first so many.")
    options = options_of(parser, toy={"commands": 1})
    typed = [(command, seconds) for command, seconds in commands() if options.wheel or command[0] != "pip"]
    rows, all_ran = [], True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = Path(sys.executable)
        if options.wheel:
            venv.create(folder / "env", with_pip=True)
            python = folder / "env" / "bin" / "python"
        (folder / "empty").mkdir()
        for command, seconds in typed[: options.commands]:
            program, *words = command
            if program == "pip":
                words = [str(options.wheel.resolve()) if word == "molbench" else word for word in words]
            module = {"molbench": "molbench.cli"}.get(program, program)
            row, ran = run(command, [str(python), "-m", module, *words], folder / "empty", seconds)
            rows, all_ran = [*rows, row], all_ran and ran
    report(options, rows)
    sys.exit(not all_ran)


if __name__ == "__main__":
    main()
