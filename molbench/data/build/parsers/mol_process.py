"""Binary molecules of RDKit read in a process of their own.

RDKit's reader trusts the numbers in its input, and some of them, if they are wrong, end the process. A file
of strangers must not end a build, so that the reader runs apart from it and is started anew when it has died.
"""

import contextlib
import select
import subprocess
import sys
from typing import IO

import numpy as np

from molbench.data.build.parsers import mol_worker
from molbench.data.build.parsers.geom import Structure

_SECONDS = 60.0


class MolProcess:
    """Reads molecules; to be closed, or used in a ``with`` statement."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "MolProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, data: bytes) -> Structure:
        """One molecule.

        Args:
            data: As ``Chem.Mol.ToBinary`` makes it.

        Raises:
            ValueError: If RDKit cannot read it, dies of it, or takes longer than a minute over it.
        """
        process = self._running()
        try:
            return self._ask(process, data)
        except (OSError, EOFError) as error:
            self.close(kill=True)
            raise ValueError(f"RDKit's reader died of this molecule: {error}") from error

    def close(self, kill: bool = False) -> None:
        """End the process.

        Args:
            kill: Whether to do so at once.
        """
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - a file of this package
                [sys.executable, "-P", mol_worker.__file__],  # as a file: the package would take longer
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _ask(self, process: "subprocess.Popen[bytes]", data: bytes) -> Structure:
        if process.stdin is None or process.stdout is None:
            raise EOFError("no pipe to it")
        process.stdin.write(len(data).to_bytes(4, "little") + data)
        process.stdin.flush()
        if not select.select([process.stdout], [], [], _SECONDS)[0]:
            raise EOFError(f"no answer within {_SECONDS:.0f} s")
        status, atoms, bonds, text = mol_worker.REPLY.unpack(_exactly(process.stdout, mol_worker.REPLY.size))
        if status:
            raise ValueError(
                f"rd_mol cannot be read: {_exactly(process.stdout, text).decode('utf-8', 'replace')}"
            )
        numbers = list(_exactly(process.stdout, atoms))
        positions = np.frombuffer(_exactly(process.stdout, 24 * atoms)).tolist()
        pairs = np.frombuffer(_exactly(process.stdout, 4 * bonds), np.uint16).reshape(-1, 2).tolist()
        orders = list(_exactly(process.stdout, bonds))
        return Structure(numbers, positions, pairs, orders, _exactly(process.stdout, text).decode())


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) != size:
        raise EOFError("it ended without an answer")
    return data
