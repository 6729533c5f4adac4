"""From what the user names to candidates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from molbench.arguments import require_file
from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate, Refusal
from molbench.evaluation.candidates.calculated import CalculatedCandidate
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate, require_model_name
from molbench.evaluation.candidates.external import ExternalCandidate
from molbench.evaluation.candidates.tabulated import TabulatedCandidate
from molbench.evaluation.other_files import TABLES, other_thing
from molbench.spec.names import hub_id
from molbench.training.checkpoint_file import is_checkpoint
from molbench.training.hub import checkpoint_file


def resolve(
    models: Sequence[Any], scratch: bool, name: str | None = None, notice: Callable[[str], None] | None = None
) -> tuple[list[Candidate], list[Refusal]]:
    """Candidates of several models, followed by the scratch baseline of each different backbone among them.

    A model that is none is refused, and the others are not; a file that is not there is a slip of the hand.

    Args:
        models: Paths of checkpoints and of tables of vectors; what
            :func:`~molbench.evaluation.external.wrap.wrap` takes; ASE calculators; candidates.
        scratch: Whether baselines are wanted.
        name: What a single model is called that is no file.
        notice: Told what a model does that is not of this program, before anything is trained.

    Returns:
        Candidates, and models that are none of these or break the law of shapes and finiteness.

    Raises:
        UserError: If a file is not there, or two models have the same name and would share a results folder.
    """
    if name is not None and (len(models) != 1 or isinstance(models[0], str | Path)):
        raise UserError(
            "a name is given to one model that is no file; the results of files are called as they"
        )
    candidates: list[Candidate] = []
    refusals: list[Refusal] = []
    for model in models:
        if isinstance(model, str | Path) and hub_id(str(model)) is None:
            require_file(Path(model))
    for model in models:
        try:
            candidates.append(_candidate(model, name, notice or (lambda _text: None)))
        except UserError as error:
            refusals.append(Refusal(_told(model), str(error)))
    _refuse_twins(candidates)
    return [*candidates, *(baselines(candidates) if scratch else [])], refusals


def _told(model: Any) -> str:
    """What a model is called that is refused."""
    from molbench.evaluation.external.wrap import name_of

    return str(model if isinstance(model, str | Path) else getattr(model, "name", None) or name_of(model))


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
    """The scratch baseline of each different backbone among some candidates, less those that are of them."""
    checkpoints = [candidate for candidate in candidates if isinstance(candidate, CheckpointCandidate)]
    named = {baseline.name: baseline for baseline in (candidate.scratch() for candidate in checkpoints)}
    there = {candidate.name for candidate in checkpoints}
    return [baseline for name, baseline in named.items() if name not in there]


def _candidate(model: Any, name: str | None, notice: Callable[[str], None]) -> Candidate:
    if isinstance(model, Candidate):
        return model
    if isinstance(model, str | Path):
        return _of_file(Path(model)) if hub_id(str(model)) is None else _of_hub(model)
    from molbench.evaluation.external.calculator import calculator_digest
    from molbench.evaluation.external.conformance import try_encoder
    from molbench.evaluation.external.process import ProcessEncoder
    from molbench.evaluation.external.standalone import is_calculator
    from molbench.evaluation.external.wrap import name_of, wrap

    elsewhere = isinstance(model, ProcessEncoder) and model.is_calculator
    if elsewhere:
        name = name or model.name
    if elsewhere or is_calculator(model):
        name = require_model_name(name or name_of(model), "name")
        return CalculatedCandidate(name, calculator_digest(model, name), {}, model)
    encoder = wrap(model, name)
    require_model_name(encoder.name, "name")
    checked = try_encoder(encoder)
    notice(str(checked))
    return ExternalCandidate(encoder.name, encoder.digest, tuple(checked.marks), {}, encoder)


def _of_hub(model: str | Path) -> Candidate:
    """A checkpoint of a repository, called as that; or the file of that name, which is nearer."""
    path, match = checkpoint_file(model), hub_id(str(model))
    if match is None or path == Path(model):
        return _of_file(path)
    name = re.sub(r"[^a-z0-9._-]", "-", match["name"].lower())
    require_model_name(name, f"{model}: results are kept under the name of the repository")
    return replace(CheckpointCandidate.of_file(path), name=name)


def _of_file(path: Path) -> Candidate:
    if path.suffix not in TABLES:
        return _of_checkpoint(path)
    require_model_name(path.stem, f"{path}: results are kept under the name of the file")
    return TabulatedCandidate(path.stem, path)


def _of_checkpoint(path: Path) -> CheckpointCandidate:
    if path.is_file() and (other := other_thing(path)) is not None:
        raise UserError(f"{path}: {other}")
    try:
        return CheckpointCandidate.of_file(path)
    except UserError as error:
        if not path.is_file() or (path.suffix in {".pt", ".safetensors"} and is_checkpoint(path)):
            raise
        from molbench.evaluation.candidates.no_checkpoint import advice

        raise UserError(f"{error}; {advice(path)}") from error
