"""A task done by a model in a process of its own that has this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from molbench.errors import UserError, error_line
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.candidates.external import ExternalCandidate
from molbench.evaluation.execute import Workspace
from molbench.evaluation.external.encoder import Encoder
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.trial import Trials
from molbench.spec.catalogue import Catalogue
from molbench.spec.protocol import Protocol


def asked_of(run: Run, *, trial: bool = False) -> dict[str, Any]:
    """A run in JSON, and whether it is only tried, to tell how long it would take."""
    if not isinstance(run.protocol, Protocol):
        raise TypeError(f"'{run.protocol.name}' is no protocol of encoders")
    return {
        "name": run.candidate.name,
        "digest": run.encoder_digest,
        "task": run.task.id,
        "protocol": run.protocol.model_dump(),
        "seed": run.seed,
        "folder": str(run.folder.absolute()),
        "key": run.key,
        "trial": trial,
    }


def predict_task(encoder: Encoder, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Train and predict where the model is; predictions are left where its parent looks for them.

    Returns:
        ``seconds`` of a trial, or why there are none and no predictions either.
    """
    candidate = ExternalCandidate(asked["name"], asked["digest"], encoder=encoder)
    protocol = Protocol.model_validate(asked["protocol"])
    try:
        tasks = Catalogue.load().tasks([asked["task"]])
        (planned,) = plan([candidate], tasks, protocol, [asked["seed"]], Path()).runs
        run = replace(planned, folder=Path(asked["folder"]))
        if run.key != asked["key"]:
            raise run.changed()
        if asked["trial"]:
            return {"seconds": Trials(Workspace()).seconds(run)}
        candidate.prepare(run, Workspace())
    except NotApplicableError as error:
        return {"unsupported": str(error)}
    except UserError as error:
        return {"failed": str(error)}
    except Exception as error:  # noqa: BLE001 - one task that fails leaves the others alone
        return {"failed": error_line(error)}
    return {}
