"""A run as a unit of work: what a worker needs to plan it again, and the function that executes it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from molbench.errors import UserError
from molbench.evaluation.candidates import CANDIDATES
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.execute import Workspace, execute
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import find_result
from molbench.exclusive import BusyError, hold, remove_leftovers
from molbench.executors.base import Listener, Unit
from molbench.spec.catalogue import Catalogue
from molbench.spec.protocol import Protocol

LOCKS = ".locks"
_shared: dict[str, Workspace] = {}


def work_unit(run: Run, output: Path, group: str) -> Unit:
    """A run of a plan, to be executed by any worker that sees the same files.

    Args:
        run: The run.
        output: Folder of the results.
        group: Runs of one group share stores and vectors while they follow each other in one worker.
    """
    arguments = {
        "kind": run.candidate.kind,
        "candidate": run.candidate.reference(),
        "task": run.task.id,
        "protocol": run.protocol.model_dump() if isinstance(run.protocol, Protocol) else {},
        "seed": run.seed,
        "output": str(output.absolute()),
        "key": run.key,
        "group": group,
    }
    return Unit(str(run.folder), f"{__name__}:execute_unit", arguments)


def execute_unit(arguments: Mapping[str, Any], listen: Listener) -> dict[str, Any]:
    """Execute one run and store its result.

    Returns:
        ``busy``: whether another process is at this very run, so that there is no result yet; and
        ``not_applicable``: why there will be none, or None.

    Raises:
        UserError: If the run cannot be planned as it was, or fails.
        InterruptedWorkError: If a signal stopped its training, which can be continued.
    """
    run = _planned(arguments)
    lock = Path(arguments["output"]) / LOCKS / f"{run.key[:32]}.lock"
    try:
        with hold(lock, wait=False):
            execute(run, _workspace(arguments["group"]), lambda report: listen(asdict(report)))
    except BusyError:
        return {"busy": find_result(run.folder, run.key) is None, "not_applicable": None}
    except NotApplicableError as error:
        return {"busy": False, "not_applicable": str(error)}
    return {"busy": False, "not_applicable": None}


def remove_locks(output: Path) -> None:
    """Remove the locks of runs that nobody is at."""
    remove_leftovers(sorted((output / LOCKS).glob("*.lock")))
    try:
        (output / LOCKS).rmdir()
    except OSError:  # not empty, or not there
        return


def _planned(arguments: Mapping[str, Any]) -> Run:
    candidate = CANDIDATES[arguments["kind"]].of_reference(arguments["candidate"])
    tasks = Catalogue.load().tasks([arguments["task"]])
    # A candidate that is its own protocol has a key that does not depend on the one asked for.
    protocol = dict(arguments["protocol"])
    recipe = Protocol.model_validate(protocol) if protocol else load_protocol("probe")
    seed = arguments["seed"]
    runs = plan([candidate], tasks, recipe, [seed], Path(arguments["output"])).runs
    # A file of predictions has the seeds that it has, whichever is asked for.
    run = next((run for run in runs if run.seed == seed), None)
    if run is None or run.key != arguments["key"]:
        raise UserError("the inputs changed after the run was planned; evaluate again")
    return run


def _workspace(group: str) -> Workspace:
    """That of the group; those of earlier groups are let go, since they hold whole datasets."""
    if group not in _shared:
        _shared.clear()
        _shared[group] = Workspace()
    return _shared[group]
