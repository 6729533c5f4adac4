"""The pages of the documentation that can be followed, each in an empty folder, and how long that takes.

What is behind a ``$`` is typed, what is Python is run; a piece of Python that begins with a comment of a
file's name is written there instead. Two small encoders, ``first.pt`` and ``second.pt``, lie there before.
``--wheel dist/molbench-….whl`` first makes an empty environment and installs the wheel into it with what the
pages need; without it the commands are those of the interpreter that runs this.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import processor_seconds, without_python_variables
from benchmarks.record import Measured, options_of, report

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXTRAS = "generate"
#: What a page calls the interpreter of another environment.
OTHER = "../other/bin/python"
TIME_LIMIT = 250
ENCODERS = """
import torch
from molbench.backbones import build_backbone
from molbench.training.checkpoint import Checkpoint
small = {"width": 16, "filters": 16, "interactions": 2, "gaussians": 8, "cutoff": 5.0}
for seed, name in enumerate(("first", "second")):
    torch.manual_seed(seed)
    encoder = build_backbone("schnet", small)
    Checkpoint.of(encoder, method="random", pretraining={"dataset": "none"}).save(f"{name}.pt")
"""


class NotFollowedError(Exception):
    """A step of a page did not do what it should; the message has what it said."""


@dataclass(frozen=True)
class Step:
    """One step of a page.

    Attributes:
        words: Behind the interpreter; None where a file is written.
        file: Name of that file.
        text: What stands on the page.
    """

    words: tuple[str, ...] | None
    file: str | None
    text: str


def pages() -> list[Path]:
    """Pages with something to follow."""
    return [page for page in sorted(DOCS.rglob("*.md")) if BLOCK.search(page.read_text(encoding="utf-8"))]


def steps(page: Path, python: str) -> Iterator[Step]:
    """What a page tells to do, in order.

    Args:
        page: Of the documentation.
        python: Interpreter that stands for another environment's, ``OTHER``.

    Raises:
        NotFollowedError: If something else than ``molbench`` is typed.
    """
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if name := re.match(r"# (\w+\.py)\n", text):
            yield Step(None, name[1], text)
        elif language == "python":
            yield Step(("-c", text), None, text)
        else:
            for line in text.replace(OTHER, python).splitlines():
                program, *words = shlex.split(line.removeprefix("$ "))
                if program != "molbench":
                    raise NotFollowedError(f"{page}: types '{program}'")
                yield Step(("-m", "molbench.cli", *words), None, line)


def follow(
    page: Path, folder: Path, python: str, environment: Mapping[str, str], limit: float = TIME_LIMIT
) -> int:
    """Do what a page tells in a folder.

    Args:
        page: Of the documentation.
        folder: Where, with the two encoders.
        python: Interpreter that has molbench.
        environment: Variables of what is run.
        limit: Seconds that a step may take.

    Returns:
        How many steps it has.

    Raises:
        NotFollowedError: If one fails, or takes longer.
    """
    listed = list(steps(page, python))
    for step in listed:
        if step.words is None:
            (folder / str(step.file)).write_text(step.text, encoding="utf-8")
            continue
        try:
            ended = subprocess.run(
                [python, *step.words],
                check=False,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            raise NotFollowedError(f"{page.name}: {step.text}\nnot done after {limit:g} s") from None
        if ended.returncode:
            raise NotFollowedError(f"{page.name}: {step.text}\n{ended.stdout}\n{ended.stderr}")
    return len(listed)


def write_encoders(folder: Path, python: str, environment: Mapping[str, str]) -> None:
    """``first.pt`` and ``second.pt``, small and random."""
    subprocess.run([python, "-c", ENCODERS], cwd=folder, env=environment, check=True, timeout=TIME_LIMIT)


def installed(wheel: Path, folder: Path) -> str:
    """The interpreter of a new environment in ``folder`` that has the wheel and what the pages need."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    requirement = f"molbench[{EXTRAS}] @ {wheel.resolve().as_uri()}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True)
    return python


def main() -> None:
    """Follow all, each by itself; one that cannot be followed costs itself, and the exit code says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="Install this into an empty environment first.")
    parser.add_argument("--only", nargs="*", help="Names of pages, without their suffix.")
    parser.add_argument("--limit", type=float, default=TIME_LIMIT, help="Seconds that a step may take.")
    options = options_of(parser, toy={"only": ["plan"]})
    environment = without_python_variables()
    rows, failed = list[Measured](), 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        python = installed(options.wheel, root / "env") if options.wheel else sys.executable
        encoders = root / "encoders"
        encoders.mkdir()
        write_encoders(encoders, python, environment)
        for page in pages():
            if options.only and page.stem not in options.only:
                continue
            folder = Path(shutil.copytree(encoders, root / page.stem))
            before, start = processor_seconds(), time.monotonic()
            variables = environment | {"MOLBENCH_HOME": str(folder / "home")}
            try:
                count = follow(page, folder, python, variables, options.limit)
            except NotFollowedError as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
            cells = {
                "steps": count,
                "s": time.monotonic() - start,
                "s of processors": processor_seconds() - before,
            }
            rows.append(Measured(page.relative_to(DOCS).as_posix(), cells))
            print(f"{rows[-1].name}: {count} steps, {cells['s of processors']:.0f} s", file=sys.stderr)
            shutil.rmtree(folder)
    report(options, rows)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
