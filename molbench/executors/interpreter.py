"""This interpreter once more: it imports what this process could, and nothing of the folder it is started in.

``python -m`` and ``python -c`` look for every import in the working folder first, where a file that somebody
called ``json.py``, or a stranger's whole repository, would be executed.
"""

import os
import shlex
import sys
from pathlib import Path


def run_module(module: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-P", "-m", module]


def interpreter_line() -> str:
    """The words of a shell that start the interpreter, also where no environment is handed on."""
    return shlex.join(["/usr/bin/env", f"PYTHONPATH={import_path()}", sys.executable, "-P"])


def import_path() -> str:
    """Where this process looks for imports, as ``PYTHONPATH`` for another."""
    return os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)


def import_environment() -> dict[str, str]:
    """The environment of this process, with :func:`import_path`."""
    return {**os.environ, "PYTHONPATH": import_path()}
