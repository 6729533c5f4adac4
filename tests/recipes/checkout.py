"""A copy of the project that a test may add files to."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PARTS = ("molbench", "datasets", "leaderboards", "schemas", "tests", "pyproject.toml")
_SKIPPED = shutil.ignore_patterns("__pycache__", ".*", "*.so")


class Checkout:
    """The project in a folder of its own, used by other processes as a user would.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=_SKIPPED)
            else:
                shutil.copyfile(ROOT / part, folder / part)

    def write(self, path: str, text: str) -> None:
        """Add a file; the indentation of the text does not matter."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip(), encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``python`` with arguments, in the folder."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder),
            "MOLBENCH_HOME": str(self.folder / "home"),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        command = [sys.executable, *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def molbench(self, *arguments: str) -> str:
        """What the command prints; it must succeed."""
        result = self.run("-m", "molbench.cli", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def refusal(self, *arguments: str) -> str:
        """What the command says when it exits with 2."""
        result = self.run("-m", "molbench.cli", *arguments)
        assert result.returncode == 2, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        return " ".join(result.stderr.split())

    def conformance(self, names: str, *paths: str) -> set[str]:
        """Names of the tests in some files that are about something of these names; all of them must pass."""
        result = self.run("-m", "pytest", "-v", "-p", "no:cacheprovider", *paths, "-k", names)
        assert result.returncode == 0, result.stdout
        return set(re.findall(r"::(\w+)\[[^]]*\] PASSED", result.stdout))
