"""Pages are followed to the letter: each line behind a ``$`` is typed, each piece of Python is run.

One that begins with a comment of a file's name is written there instead. Other blocks, such as what takes a
cluster or hours, are ``text``.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.training.checkpoint import Checkpoint
from tests.rooms import ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: Pages with something to follow.
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if BLOCK.search(page.read_text(encoding="utf-8"))]
#: Commands beside numbers that took hours to make.
RECORDS = {"results.md", "learning.md"}
SMALL = {"width": 16, "filters": 16, "interactions": 2, "gaussians": 8, "cutoff": 5.0}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_block_is_followed_or_says_that_it_is_none(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    languages = set(fences[::2]) - ({""} if page.name in RECORDS else set())
    assert languages <= {"console", "python", "text", "mermaid"}
    assert not any(fences[1::2])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_how_to_can_be_followed(page: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        backbone = build_backbone("schnet", SMALL)
        Checkpoint.of(backbone, method="random", pretraining={"dataset": "none"}).save(
            tmp_path / f"{name}.pt"
        )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if name := re.match(r"# (\w+\.py)\n", text):
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
            continue
        commands = [[sys.executable, "-c", text]]
        if language == "console":
            typed = text.replace("{python}", sys.executable).splitlines()
            lines = [shlex.split(line.removeprefix("$ ")) for line in typed]
            assert all(line[0] == "molbench" for line in lines)
            commands = [[sys.executable, "-m", "molbench.cli", *line[1:]] for line in lines]
        for command in commands:
            ended = subprocess.run(
                command,
                check=False,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=250,
            )
            assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
