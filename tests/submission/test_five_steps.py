"""CONTRIBUTING's five steps from results to a proposal, walked through with a repository on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.evaluation.conftest import _built, save_checkpoint, toy_home  # noqa: F401 - fixtures
from tests.rooms import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: Numbered lines of one command each.
STEPS = re.findall(r"^\d\. .*?`([^`]+)`", PAGE.partition("## Submissions")[2].partition("## ")[0], re.M)
BOARD = {"name": "toy", "title": "Toy", "description": "d", "tasks": ["toy/size"]}


class Shell:
    """Commands as somebody types them, with what stands in for the hub and its checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "programs"
        programs.mkdir()
        molbench = programs / "molbench"
        molbench.write_text(f'#!/bin/sh\nexec {sys.executable} -m molbench.cli "$@"\n')
        molbench.chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "MOLBENCH": "molbench",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{who}_{what}": "x@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def __call__(self, command: str, cwd: Path, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def shell(toy_home: Path, tmp_path: Path) -> Shell:  # noqa: F811 - a fixture
    """A bare repository with the scripts of the checks, and a clone ``mine`` with a checkpoint."""
    shell = Shell(tmp_path)
    shell("git init -q --bare -b main hub.git && git clone -q hub.git first", tmp_path)
    first = tmp_path / "first"
    (first / "submissions").mkdir()
    (first / "submissions" / "README.md").write_text("Submissions.\n")
    (first / ".github").mkdir()
    for script in ("take-submissions.sh", "check-submissions.sh"):
        (first / ".github" / script).write_text((ROOT / ".github" / script).read_text())
    (first / ".gitignore").write_text("results/\nleaderboards/site/\n*.txt\n*.pt\n!submissions/**/*.pt\n")
    (first / "toy.yaml").write_text(yaml.safe_dump(BOARD))
    shell("git checkout -q -b main; git add -A; git commit -qm first; git push -q origin main", first)
    shell("git clone -q hub.git mine", tmp_path)
    save_checkpoint(tmp_path / "mine" / "my-model.pt", seed=7)
    return shell


def _checked(shell: Shell, branch: str, code: int = 0) -> str:
    """What the unprivileged job does, on the code of the branch that is proposed to."""
    folder = shell.folder / f"check-{branch}"
    shell(f"git clone -q hub.git {folder.name}", shell.folder)
    shell(f"bash .github/take-submissions.sh refs/heads/{branch}", folder)
    script = (folder / ".github" / "check-submissions.sh").read_text()
    # The board of the toy dataset stands in for those of the catalogue.
    (folder / ".github" / "check-submissions.sh").write_text(
        script.replace("board build", "board build toy.yaml")
    )
    return shell("bash .github/check-submissions.sh report.txt", folder, code)


@pytest.mark.slow
def test_five_steps_lead_to_a_row_that_is_checked(shell: Shell) -> None:
    assert len(STEPS) == 5
    mine = shell.folder / "mine"
    for step in STEPS:
        shell(
            step.replace(
                "--suite embedded-lite --protocol finetune-lite", "--tasks toy/size --executor inline"
            ),
            mine,
        )
    said = _checked(shell, "my-model")
    assert "re-scored, 1 scores" in said and "1 models, 1 tasks" in said
    # Once it is merged, the boards have its row.
    first = shell.folder / "first"
    shell("git fetch -q && git merge -q origin/my-model", first)
    shell("molbench board build toy.yaml", first)
    assert "my-model" in (first / "leaderboards" / "toy.md").read_text()
    shell("git add leaderboards && git commit -qm Boards && git push -q origin main", first)
    # Nobody's proposal takes it away, unless it is withdrawn with a reason.
    shell("git fetch -q && git checkout -q -b gone origin/main && git rm -qr submissions/schnet", mine)
    shell("git commit -qm gone && git push -q origin gone", mine)
    assert "my-model" in _checked(shell, "gone", 1)


@pytest.mark.slow
def test_a_hostile_proposal_is_refused_and_runs_nothing(shell: Shell) -> None:
    """Scripts, hooks, links, hostile names and Markdown: read as data, told in plain text."""
    mine = shell.folder / "mine"
    bad = mine / "submissions" / "schnet" / "evil"
    bad.mkdir(parents=True)
    (bad / "submission.yaml").write_text("model: evil\nname: '![x](https://example.org/$(touch executed))'\n")
    (bad / "$(touch executed)\n.parquet").write_text("x")
    (bad / "conftest.py").write_text("open('executed', 'w')")
    (bad / "link").symlink_to("/etc/passwd")
    script = mine / ".github" / "check-submissions.sh"
    script.write_text("touch executed; exit 0\n")
    shell("git checkout -q -b evil; git add -A; git commit -qm evil; git push -q origin evil", mine)
    said = _checked(shell, "evil", 1)
    assert "submission.yaml" in said and "error: " in said
    assert not list(shell.folder.rglob("executed"))
