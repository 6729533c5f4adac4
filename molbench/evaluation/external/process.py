"""A model in a process of its own, perhaps of another Python environment; Arrow goes to and fro over pipes.

This is no sandbox: the code of the model may do whatever the user may. What the process keeps apart is
packages, memory and crashes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from molbench.arguments import require_file
from molbench.errors import UserError, error_line
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.external import standalone
from molbench.evaluation.external.encoder import Encoder, Limits
from molbench.evaluation.external.reference import behaviour
from molbench.evaluation.external.standalone import TASK, Molecule, receive, send, to_arrow
from molbench.executors.interpreter import import_environment

#: Seconds in which a model is to be loaded, and to answer for a batch.
TIME_LIMIT = 600.0
#: Bytes of an answer for a molecule.
_ANSWER = 64 << 20
_LOG = 4096
#: Times as long as a batch that training on a task may take.
_TRAINING = 100
_ELSEWHERE = "it runs in another Python environment, which gives vectors and no gradients"
#: The working folder comes last, for what is nowhere else: a file there called ``json.py`` is not meant.
_START = (
    "import sys; sys.path[:] = [*filter(None, sys.path), '']; import runpy; "
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


class ProcessEncoder(Encoder):
    """What ``file.py:factory`` gives, asked over pipes.

    Args:
        target: ``file.py:factory``; the factory takes nothing and gives a module of ``(z, pos, batch)``, a
            function of molecules, an object with ``encode(list of SMILES)``, or an ASE calculator.
        name: What the model is called.
        python: Interpreter of another environment, which needs NumPy and PyArrow; None for this one.
        time_limit: Seconds for loading, and for each batch; a task that the model is trained on may take
            a hundred times as long.
        memory: Bytes of address space that it may take; None for no limit.

    Raises:
        UserError: If it cannot be started, or the factory fails.
    """

    def __init__(
        self,
        target: str,
        name: str,
        *,
        python: Path | None = None,
        time_limit: float = TIME_LIMIT,
        memory: int | None = None,
    ) -> None:
        self.name, self._target, self._time_limit = name, target, time_limit
        file, colon, factory = target.rpartition(":")
        if not colon or not factory.isidentifier() or not file.endswith(".py"):
            raise UserError(f"{target}: a model is named file.py:factory")
        require_file(Path(file))
        if python is not None and not (python.is_file() and os.access(python, os.X_OK)):
            raise UserError(f"{python}: no Python interpreter")
        self._version = sha256(Path(file).read_bytes()).hexdigest() + factory
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        mode = "plain" if python else "molbench"
        words = [str(Path(standalone.__file__)), target, mode, str(memory or 0)]
        self._process = subprocess.Popen(  # noqa: S603 - what the user asked to run
            [str(python or sys.executable), "-c", _START, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(same_python=python is None),
            start_new_session=True,
        )
        try:
            ready = self._within(None, 1, time_limit)[0]
        except UserError:
            self.close()
            raise
        self.is_calculator = ready["reads"] == "calculator"
        self.settings: str = ready.get("settings", "")
        self.reads: Literal["geometry", "smiles"] = "smiles" if ready["reads"] == "smiles" else "geometry"  # type: ignore[misc]
        self.of_pairs = bool(ready.get("of_pairs"))  # type: ignore[misc]
        self.gradients: dict[str, Any] | None = ready.get("gradients")
        self._without_gradients: str | None = ready.get("without_gradients", _ELSEWHERE)
        given = ready.get("limits", {})
        elements = given.pop("elements", None)
        self.limits = Limits(elements=frozenset(elements) if elements else None, **given)

    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """See :meth:`Encoder.encode`; of a calculator energies and forces, see ``single_point``.

        Raises:
            NotApplicableError: If it is a calculator that does not know an element.
            UserError: If the model fails.
        """
        header, values = self._within(to_arrow(molecules), len(molecules), self._time_limit)
        return values.reshape(header["shape"])

    @property
    def without_gradients(self) -> str | None:
        """See :attr:`Encoder.without_gradients`."""
        return self._without_gradients

    def predict_task(self, asked: Mapping[str, Any]) -> float | None:
        """Let the model be trained on a task where it is, which leaves its predictions beside the result.

        Args:
            asked: A run, see :func:`~molbench.evaluation.external.remote.asked_of`.

        Returns:
            Seconds that it would take, where it was only tried.

        Raises:
            NotApplicableError: If the task turns out to be none for it.
            UserError: If it fails.
        """
        batch = to_arrow([]).replace_schema_metadata({TASK: json.dumps(asked)})
        header, _ = self._within(batch, 1, _TRAINING * self._time_limit)
        return header.get("seconds")

    @cached_property
    def digest(self) -> str:
        """Of its file and its behaviour."""
        return behaviour(self, self._version)

    def close(self) -> None:
        """End the process."""
        with suppress(OSError, ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _within(
        self, question: pa.RecordBatch | None, count: int, seconds: float
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Ask, and wait for the answer as long as the time limit allows."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a process without pipes")
        over = threading.Event()

        def end() -> None:
            over.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            if question is not None:
                send(self._process.stdin, question)
            answer = receive(self._process.stdout, _ANSWER * count)
        except (OSError, ValueError, pa.ArrowException) as error:
            if over.is_set():
                raise self._slow(seconds) from error
            raise self._failed(self._last_words(error_line(error))) from error
        finally:
            timer.cancel()
        if over.is_set():
            raise self._slow(seconds)
        if answer is None:
            raise self._failed(self._last_words("its process ended"))
        header = json.loads(answer.schema.metadata[b"header"])
        if "error" in header:
            raise self._failed(header["error"])
        if "failed" in header:
            raise UserError(header["failed"])
        if "unsupported" in header:
            raise NotApplicableError(header["unsupported"])
        return header, answer.column("values").to_numpy(zero_copy_only=False)

    def _failed(self, why: str) -> UserError:
        return UserError(f"model '{self.name}' ({self._target}) fails: {why.removeprefix('UserError: ')}")

    def _slow(self, seconds: float) -> UserError:
        return UserError(f"model '{self.name}' ({self._target}) took longer than {seconds:g} s: killed")

    def _last_words(self, otherwise: str) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.poll()
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _LOG))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        how = f"ended by {signal.Signals(-code).name}" if code and code < 0 else otherwise
        return f"{how}{f': {lines[-1][:300]}' if lines else ''}"


def _environment(same_python: bool) -> dict[str, str]:
    """This process's, with what it can import; another environment has packages of its own."""
    if same_python:
        return import_environment()
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
