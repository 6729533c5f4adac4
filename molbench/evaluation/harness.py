"""``molbench.evaluate``: every model on every task with every seed, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate
from molbench.evaluation.candidates.resolve import resolve
from molbench.evaluation.candidates.trees import FingerprintCandidate
from molbench.evaluation.grid import perform
from molbench.evaluation.plan import plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.report import Report, Watcher
from molbench.evaluation.tracking import tracking
from molbench.executors import EXECUTORS
from molbench.executors.base import Executor
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol
from molbench.training.trackers.base import trackers_of

DEFAULT_SUITE = "embedded"


def evaluate(
    models: Any,
    tasks: str | Sequence[str] | None = None,
    *,
    suite: str | None = None,
    protocol: str | Protocol = "probe",
    seeds: int = 3,
    output: Path | str = "results",
    scratch: bool = True,
    fingerprint: bool = False,
    executor: str | None = None,
    workers: int | None = None,
    time_limit: float | None = None,
    retries: int = 0,
    options: Mapping[str, str] | None = None,
    logger: str | Sequence[str] = (),
    name: str | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Score models; results that are there already and still valid are used again.

    Several evaluations may write into one folder at once, on several machines too: they share the runs.

    Args:
        models: One model, or a list of several: path of a checkpoint, or of a table of vectors (``.parquet``
            or ``.npz``, see :class:`~molbench.evaluation.vectors.table.VectorTable`); a module of
            ``(z, pos, batch)``, a function of molecules, an object with ``encode(list of SMILES)``, see
            :func:`~molbench.evaluation.external.wrap.wrap`; an ASE calculator. An empty list where the
            fingerprint baseline is scored alone.
        tasks: Glob patterns over task ids.
        suite: Name of a suite; the embedded one where neither tasks nor a suite are given.
        protocol: Name, path of a YAML file, or the protocol itself.
        seeds: Number of seeds, 0 … seeds - 1.
        output: Folder of the results.
        scratch: Whether to score the same backbones with random weights, too.
        fingerprint: Whether to score boosted trees on fingerprints, too, where a task has SMILES.
        executor: Where to run, see ``molbench.executors``; None takes this process for one job, else others
            on this machine.
        workers: Runs at once; None for as many as there are processors.
        time_limit: Seconds after which a run is given up.
        retries: How often a run is tried again whose process was lost.
        options: Of the executor, such as the partition of a cluster.
        logger: Trackers of experiments that are shown each new run, see ``molbench.training.trackers``.
        name: What a model is called that is no file.
        watcher: Told how it gets on.

    Raises:
        UserError: If a name, file or dataset is missing or wrong. A run that fails, for whatever reason, is
            no error but a failure in the report.
    """
    given = list(models) if isinstance(models, list | tuple) else [models]
    watcher = watcher or Watcher()
    if not given and not fingerprint:
        raise UserError(
            "nothing to score: give a checkpoint, which `molbench pretrain` makes, or ask for --fingerprint"
        )
    if seeds < 1:
        raise UserError("at least one seed is needed")
    trackers = trackers_of(logger, Path(output))
    engine = _engine(executor, workers, time_limit, retries, options or {})
    if not tasks and suite is None:
        suite = DEFAULT_SUITE
    catalogue = Catalogue.load()
    refs = catalogue.tasks(tasks, suite)
    resolved = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    candidates: list[Candidate] = resolve(given, scratch, name, watcher.told)
    if fingerprint:
        candidates.append(FingerprintCandidate(Boosting()))
    planned = plan(candidates, refs, resolved, range(seeds), Path(output))
    watcher = tracking(watcher, trackers)
    return perform(planned, Path(output), engine, watcher, here_if_one=executor is None)


def _engine(
    name: str | None,
    workers: int | None,
    time_limit: float | None,
    retries: int,
    options: Mapping[str, str],
) -> Executor:
    """The executor asked for; on a machine with accelerators one worker each, by default."""
    devices = tuple(str(index) for index in range(torch.cuda.device_count()))
    return EXECUTORS[name or "local"](
        workers=workers or len(devices) or None,
        time_limit=time_limit,
        retries=retries,
        devices=devices,
        options=options,
    )
