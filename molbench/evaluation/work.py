"""A run as a unit of work: what a worker needs to plan it again, and the function that executes it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from molbench.errors import UserError
from molbench.evaluation.candidate import Candidate
from molbench.evaluation.execute import Workspace, execute
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import find
from molbench.executors.base import Listener, Unit
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol

LOCKS = ".locks"
_shared: dict[str, Workspace] = {}


def unit_of(run: Run, output: Path, group: str) -> Unit:
    """A run of a plan, to be executed by any worker that sees the same files.

    Args:
        run: The run.
        output: Folder of the results.
        group: Runs of one group share stores and vectors while they follow each other in one worker.
    """
    candidate = (
        {"boosting": run.candidate.model_dump()}
        if isinstance(run.candidate, Boosting)
        else {**asdict(run.candidate), "path": run.candidate.path and str(run.candidate.path.absolute())}
    )
    protocol = {} if isinstance(run.protocol, Boosting) else run.protocol.model_dump()
    arguments = {
        "candidate": candidate,
        "task": run.task.id,
        "protocol": protocol,
        "seed": run.seed,
        "output": str(output.absolute()),
        "key": run.key,
        "group": group,
    }
    return Unit(str(run.folder), f"{__name__}:execute_unit", arguments)


def execute_unit(arguments: Mapping[str, Any], listen: Listener) -> dict[str, Any]:
    """Execute one run and store its result.

    Returns:
        ``busy``: whether another process is at this very run, so that there is no result yet.

    Raises:
        UserError: If the run cannot be planned as it was, or fails.
        InterruptedWorkError: If a signal stopped its training, which can be continued.
    """
    run = _planned(arguments)
    lock = _lock(run, Path(arguments["output"]))
    try:
        with lock.acquire(timeout=0):
            execute(run, _workspace(arguments["group"]), lambda report: listen(asdict(report)))
    except Timeout:
        return {"busy": find(run.folder, run.key) is None}
    return {"busy": False}


def remove_locks(output: Path) -> None:
    """Remove the locks of runs that nobody is at."""
    for path in sorted((output / LOCKS).glob("*.lock")):
        try:
            with FileLock(path).acquire(timeout=0):
                path.unlink(missing_ok=True)
        except (Timeout, OSError):
            continue
    try:
        (output / LOCKS).rmdir()
    except OSError:  # not empty, or not there
        return


def _lock(run: Run, output: Path) -> FileLock:
    folder = output / LOCKS
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{run.key[:32]}.lock")


def _planned(arguments: Mapping[str, Any]) -> Run:
    given, protocol = dict(arguments["candidate"]), dict(arguments["protocol"])
    candidate: Candidate | Boosting
    if "boosting" in given:
        candidate = Boosting.model_validate(given["boosting"])
    else:
        candidate = Candidate(**{**given, "path": Path(given["path"]) if given["path"] else None})
    tasks = Catalogue.load().tasks([arguments["task"]])
    # Trees are their own protocol, and their key does not depend on the one asked for.
    recipe = Protocol.model_validate(protocol) if protocol else load_protocol("probe")
    [run] = plan([candidate], tasks, recipe, [arguments["seed"]], Path(arguments["output"]))
    if run.key != arguments["key"]:
        raise UserError("the inputs changed after the run was planned; evaluate again")
    return run


def _workspace(group: str) -> Workspace:
    """That of the group; those of earlier groups are let go, since they hold whole datasets."""
    if group not in _shared:
        _shared.clear()
        _shared[group] = Workspace()
    return _shared[group]
