"""Plain mistakes, told before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.arguments import comma_separated, file_meant, require_file
from molbench.errors import UserError, unknown_name

if TYPE_CHECKING:
    from molbench.spec.pretrain import PretrainRequest
    from molbench.spec.protocol import Protocol


def refuse_mistakes(
    models: Sequence[Path],
    tasks: Sequence[str] | None,
    suite: str | None,
    protocol: str,
    settings: Sequence[str],
) -> Protocol:
    """Look at names and files.

    Returns:
        The protocol.

    Raises:
        UserError: If a file is not there, or a name is not known.
    """
    from molbench.evaluation.protocols import load_protocol
    from molbench.spec.catalogue import Catalogue
    from molbench.spec.names import hub_id

    for path in models:
        if not path.exists() and hub_id(str(path)) is None:
            raise UserError(f"{path}: no such file{file_meant(path)}")
    catalogue = Catalogue.load()
    if tasks or suite is not None:
        catalogue.tasks(tasks, suite)
    return load_protocol(protocol, settings)


def refuse_other_file(models: Sequence[Path]) -> None:
    """Raise UserError if the one model is a file or folder that is plainly something else."""
    from molbench.evaluation.other_files import TABLES, other_thing

    for path in models if len(models) == 1 else ():
        if path.exists() and path.suffix not in TABLES and (other := other_thing(path)):
            raise UserError(f"{path}: {other}")


def refuse_loggers(names: str | Sequence[str]) -> None:
    """Raise UserError unless each logger, several with commas between, is known and installed."""
    from molbench.training.trackers import TRACKERS
    from molbench.training.trackers.base import trackers_of

    for name in comma_separated(names):
        if name not in TRACKERS:
            raise unknown_name("logger", name, TRACKERS)
    trackers_of(names, Path())


def refuse_pretraining_mistakes(request: PretrainRequest) -> None:
    """Look at names and files of a pretraining.

    Raises:
        UserError: If a file is not there, or a name is not known.
    """
    from molbench.data.folder.location import locate
    from molbench.methods import METHODS, load_settings

    if request.method not in METHODS:
        raise unknown_name("method", request.method, METHODS)
    refuse_unknown_backbones([] if request.backbone is None else [request.backbone])
    if request.init is not None:
        require_file(request.init)
    load_settings(request.method, request.variant)
    refuse_loggers(request.logger)
    if not Path(request.data).exists():  # a file is told how to be imported
        locate(str(request.data))


def refuse_unknown_backbones(names: Sequence[str]) -> None:
    """Raise UserError unless each is the name of a backbone."""
    from molbench.backbones import BACKBONES

    for name in names:
        if name not in BACKBONES:
            raise unknown_name("backbone", name, BACKBONES)


def refuse_unknown_boards(names: Sequence[str]) -> None:
    """Look at names of boards, and at files of some.

    Raises:
        UserError: If one is not known, or a file is not there.
    """
    from molbench.paths import catalogue_root

    known = sorted(path.stem for path in (catalogue_root() / "leaderboards").glob("*.yaml"))
    for name in names:
        if name.endswith((".yaml", ".yml")):
            require_file(Path(name))
        elif name not in known:
            raise unknown_name("board", name, [*known, "or a path to a YAML file"])
