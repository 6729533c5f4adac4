"""Commands in surroundings that lack something: open streams, signs, documentation, a home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rooms import ROOT

pytestmark = pytest.mark.slow

LIST = ("list", "backbones")


def run(redirection: str, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command through a shell, which can close what it does not want to see."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "molbench", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_does_not_need_its_streams(tmp_path: Path, redirection: str) -> None:
    assert run(redirection, *LIST, cwd=tmp_path).returncode == 0
    assert run(redirection, "evaluate", "nothing.pt", cwd=tmp_path).returncode == 2


def test_what_a_terminal_has_no_sign_for_is_spelt_out() -> None:
    code = (
        "from molbench.cli import console, main; main._open_streams(); console.table_console().print('1 ± 2')"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout == "1 \\xb1 2\n"


def test_python_may_leave_documentation_out(tmp_path: Path) -> None:
    done = run("", "pretrain", "--help", cwd=tmp_path, PYTHONOPTIMIZE="2")
    assert "--backbone" in done.stdout
    assert not done.stderr


def test_a_home_of_an_unknown_user_is_told_in_one_line(tmp_path: Path) -> None:
    value = "~nobody-of-this-name/cache"
    done = run("", "list", "datasets", cwd=tmp_path, MOLBENCH_HOME=value)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: MOLBENCH_HOME={value}: ")
    assert done.stderr.count("\n") == 1
