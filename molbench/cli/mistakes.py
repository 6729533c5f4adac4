"""Plain mistakes of ``molbench evaluate``, told before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.errors import UserError, unknown_name

if TYPE_CHECKING:
    from molbench.spec.protocol import Protocol


def refuse_mistakes(
    models: Sequence[Path],
    tasks: Sequence[str] | None,
    suite: str | None,
    protocol: str,
    settings: Sequence[str],
    *,
    executor: str | None,
) -> Protocol:
    """Look at names and files.

    Returns:
        The protocol.

    Raises:
        UserError: If a file is not there, or a name is not known.
    """
    from molbench.evaluation.protocols import load_protocol
    from molbench.executors import EXECUTORS
    from molbench.spec.catalogue import Catalogue

    for path in models:
        if not path.is_file():
            kind = "is a folder, not a checkpoint" if path.is_dir() else "no such file"
            raise UserError(f"{path}: {kind}")
    if executor is not None and executor not in EXECUTORS:
        raise unknown_name("executor", executor, EXECUTORS)
    catalogue = Catalogue.load()
    if tasks or suite is not None:
        catalogue.tasks(tasks, suite)
    return load_protocol(protocol, settings)
