"""Models that are named on the command line as ``file.py:factory``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.errors import UserError

if TYPE_CHECKING:
    from molbench.evaluation.candidates.base import Refusal
    from molbench.evaluation.external.process import ProcessEncoder


def trusted(targets: Sequence[str], trust: bool) -> None:
    """Refuse code that the user did not say may be run.

    Raises:
        UserError: If so.
    """
    if not trust:
        raise UserError(
            f"--model {targets[0]} runs code that may do whatever you may: its process is no sandbox; add "
            "--trust-code if you know it"
        )


def processes(
    targets: Sequence[str], python: Path | None, seconds: float, memory: float | None
) -> tuple[list[ProcessEncoder], list[Refusal]]:
    """A process for each model, which is called as its file, and the models that cannot be started.

    Args:
        targets: ``file.py:factory`` each.
        python: Interpreter of another environment.
        seconds: In which each answers for a batch.
        memory: GiB that each may take.

    """
    if not targets:
        return [], []
    from molbench.evaluation.candidates.base import Refusal
    from molbench.evaluation.external.process import ProcessEncoder
    from molbench.evaluation.external.wrap import clean_name

    limit = int(memory * 2**30) if memory else None
    started: list[ProcessEncoder] = []
    refusals: list[Refusal] = []
    try:
        for target in targets:
            name = clean_name(Path(target.rpartition(":")[0]).stem)
            try:
                started.append(ProcessEncoder(target, name, python=python, time_limit=seconds, memory=limit))
            except UserError as error:
                refusals.append(Refusal(target, str(error)))
    except BaseException:
        for encoder in started:
            encoder.close()
        raise
    return started, refusals
