"""The results of each model that is compared, found by folder or by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from molbench.errors import UserError, meant, quoted
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.spec.fingerprint import FINGERPRINT

#: Task and protocol.
TaskProtocol = tuple[str, str]


@dataclass(frozen=True)
class ModelResults:
    """One of the models that are compared.

    Attributes:
        name: What it is called in tables: its name, or its folder where two have the same name.
        model: Its name.
        root: The folder that was given.
        runs: Results by task and protocol, then by seed.
        damaged: Folders of results that cannot be read, and why.
    """

    name: str
    model: str
    root: Path
    runs: dict[TaskProtocol, dict[int, Stored]]
    damaged: dict[Path, str] = field(default_factory=dict)

    @property
    def is_baseline(self) -> bool:
        """Whether it is what others are measured against: random weights, or the trees on fingerprints."""
        first = next(iter(next(iter(self.runs.values())).values())).result.checkpoint
        return first.scratch or first.name == FINGERPRINT


def read_models(
    models: Sequence[str | Path], results: str | Path, patterns: str | Sequence[str] | None = None
) -> list[ModelResults]:
    """Results of several models; a folder that holds several gives all of them, in order of their names.

    Args:
        models: Folders of results, of one model or of several, or names of models in ``results``.
        results: Folder in which names are looked for.
        patterns: Globs over task ids, several of them with commas between; all tasks by default.

    Raises:
        UserError: If a model is not found, has no result, is named twice, or the first is more than one.
    """
    sides: list[ModelResults] = []
    for i, model in enumerate(models):
        read = models_in(_root(model, Path(results)), patterns)
        if i == 0 and len(read) > 1:
            raise UserError(
                f"{model} holds {len(read)} models: {', '.join(quoted(side.name) for side in read)}; "
                f"name one of them first, such as {read[0].root / read[0].model}"
            )
        sides += read
    return distinct(sides)


def distinct(sides: Sequence[ModelResults]) -> list[ModelResults]:
    """Models under names that tell them apart: where two have the same, their folders.

    Raises:
        UserError: If one is there twice.
    """
    places = [(side.root.resolve(), side.model) for side in sides]
    if twice := next((name for name in places if places.count(name) > 1), None):
        raise UserError(f"{twice[0]}: {quoted(twice[1])} is named twice")
    names = [side.name for side in sides]
    return [
        side
        if names.count(side.name) == 1
        else ModelResults(str(side.root), side.model, side.root, side.runs, side.damaged)
        for side in sides
    ]


def _root(model: str | Path, results: Path) -> Path:
    path = Path(model)
    if path.is_dir():
        return path
    if path.is_file():
        raise UserError(
            f"{path} is a file; folders of results are compared: `molbench evaluate {path}` makes one"
        )
    if (within := results / path).is_dir() and not path.is_absolute():
        return within
    hint = meant(str(model), [folder.name for folder in sorted(results.glob("*/"))])
    raise UserError(
        f"{quoted(str(model))} is no folder of results, nor a model in {results}{hint}; give a folder that "
        "`molbench evaluate` wrote, or --results and the name of a model in it"
    )


def models_in(root: Path, patterns: str | Sequence[str] | None) -> list[ModelResults]:
    """Models in a folder of results; baselines only where there is nothing else.

    Raises:
        UserError: If there is none.
    """
    folder = ResultsFolder.read(root, patterns)
    models = group_by_model(folder.results, root, folder.damaged)
    return [model for model in models if not model.is_baseline] or models


def group_by_model(
    results: Iterable[Stored], root: Path, damaged: Mapping[Path, str] | None = None
) -> list[ModelResults]:
    """Results by model, in order of their names, baselines among them.

    Raises:
        UserError: If there are two results of one model on one task with one seed.
    """
    runs: dict[str, dict[TaskProtocol, dict[int, Stored]]] = {}
    for stored in results:
        result = stored.result
        model_runs = runs.setdefault(result.checkpoint.name, {})
        seeds = model_runs.setdefault((result.task.id, result.protocol.name), {})
        if (other := seeds.setdefault(result.seed, stored)) is not stored:
            raise UserError(
                f"{other.folder} and {stored.folder} are results of one model on one task with one seed; "
                "give the folder of one of them"
            )
    return [
        ModelResults(model, model, root, model_runs, dict(damaged or {}))
        for model, model_runs in sorted(runs.items())
    ]
