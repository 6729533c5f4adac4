"""From what the user names to candidates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate, require_model_name
from molbench.evaluation.candidates.tabulated import TabulatedCandidate

#: Suffixes of tables of vectors.
TABLES = (".parquet", ".npz")


def resolve(paths: Sequence[Path], scratch: bool) -> list[Candidate]:
    """Candidates of several files, followed by the scratch baseline of each different backbone among them.

    Args:
        paths: Checkpoints, and tables of vectors.
        scratch: Whether baselines are wanted.

    Raises:
        UserError: If a file is none of these, or two have the same stem and would share a results folder.
    """
    candidates = [_of_file(path) for path in paths]
    _refuse_twins(candidates)
    return [*candidates, *(baselines(candidates) if scratch else [])]


def gather(paths: Sequence[Path], scratch: bool) -> list[CheckpointCandidate]:
    """:func:`resolve` for what needs an encoder of this program: other files are refused."""
    candidates = [CheckpointCandidate.of_file(path) for path in paths]
    _refuse_twins(candidates)
    return [*candidates, *(baselines(candidates) if scratch else [])]


def _refuse_twins(candidates: Sequence[Candidate]) -> None:
    names = [candidate.name for candidate in candidates]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two models are called '{twice}' and would share a results folder; rename one")


def baselines(candidates: Sequence[Candidate]) -> list[CheckpointCandidate]:
    """The scratch baseline of each different backbone among some candidates."""
    checkpoints = [candidate for candidate in candidates if isinstance(candidate, CheckpointCandidate)]
    return list({candidate.scratch().name: candidate.scratch() for candidate in checkpoints}.values())


def _of_file(path: Path) -> Candidate:
    if path.suffix not in TABLES:
        return CheckpointCandidate.of_file(path)
    require_model_name(path.stem, f"{path}: results are kept under the name of the file")
    return TabulatedCandidate(path.stem, path)
