"""``molbench doctor``: what this installation is, what it can use, and what is built here."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

_PACKAGES = (
    "molbench",
    "torch",
    "torch-geometric",
    "rdkit",
    "numpy",
    "pyarrow",
    "datasets",
    "scikit-learn",
    "pydantic",
)
#: A package that comes with each extra for users. It is asked for as a package: a folder may have its name.
_EXTRAS = {
    "generate": "tblite",
    "ray": "ray",
    "slurm": "submitit",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
    "docs": "mkdocs",
}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of lines.")] = False,
) -> None:
    """Tell versions, compiler, kernels, accelerators, folders and what is built, for a report of a fault.

    Ends with exit code 1 where something is wrong that has to be put right.
    """
    facts, wrong = {}, []
    for name, look in _LOOKS.items():
        try:
            facts[name], problems = look()
        except Exception as error:  # noqa: BLE001 - a fault of one look is what is looked for
            facts[name], problems = None, [f"{type(error).__name__}: {error}"]
        wrong += [f"{name}: {problem}" for problem in problems]
    if as_json:
        typer.echo(json.dumps(facts | {"wrong": wrong}, indent=2, ensure_ascii=False))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:<13}{_line(value)}")
        for problem in wrong:
            typer.echo(f"wrong        {problem}")
        if not wrong:
            typer.echo("all is well")
    raise typer.Exit(1 if wrong else 0)


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


Look = tuple[Any, list[str]]


def _versions() -> Look:
    from importlib.metadata import PackageNotFoundError, version

    versions, wrong = {"python": platform.python_version()}, []
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is not installed")
    return versions, wrong


def _extras() -> Look:
    from importlib.metadata import distributions

    installed = {distribution.name for distribution in distributions()}
    return {name: "yes" if package in installed else "no" for name, package in _EXTRAS.items()}, []


def _machine() -> Look:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors", []


def _compiler() -> Look:
    name = os.environ.get("CC", "cc")
    return shutil.which(name) or f"no '{name}'; the operators of PyTorch are used instead", []


def _kernels() -> Look:
    from molbench.kernels.compile import NoKernelsError, compiled

    if os.environ.get("MOLBENCH_KERNELS") == "0":
        return "switched off by MOLBENCH_KERNELS=0", []
    try:
        return f"compiled, {compiled()}", []
    except NoKernelsError as error:
        return f"none, and slower for it: {error}", []


def _accelerators() -> Look:
    import torch

    if not torch.cuda.is_available():
        return "none", []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())], []


def _home() -> Look:
    from molbench.paths import home

    folder = home()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    wrong = [] if os.access(nearest, os.W_OK) else [f"{nearest} cannot be written to; set MOLBENCH_HOME"]
    free = shutil.disk_usage(nearest).free / 1e9
    return f"{folder}, {free:,.0f} GB free{'' if folder.exists() else ', not there yet'}", wrong


def _catalogue() -> Look:
    from molbench.errors import UserError
    from molbench.spec.catalogue import Catalogue

    catalogue, wrong = Catalogue.load(), []
    for entry in catalogue.entries.values():
        try:
            if entry.damage is None:
                _ = entry.tasks
            else:
                wrong.append(entry.damage)
        except UserError as error:
            wrong.append(str(error).splitlines()[0])
    return f"{len(catalogue.entries)} datasets, {len(catalogue.suites)} suites", wrong


def _built() -> Look:
    return [*_built_here()] or "nothing", []


def _built_here() -> Iterator[str]:
    from molbench.spec.catalogue import Catalogue

    for entry in Catalogue.load().entries.values():
        if entry.built and entry.damage is None:
            subsets = [name for name in entry.built_schemes if name]
            yield f"{entry.id} ({len(subsets)} subsets)" if subsets else entry.id


_LOOKS: dict[str, Callable[[], Look]] = {
    "versions": _versions,
    "extras": _extras,
    "machine": _machine,
    "compiler": _compiler,
    "kernels": _kernels,
    "accelerators": _accelerators,
    "home": _home,
    "catalogue": _catalogue,
    "built": _built,
}
