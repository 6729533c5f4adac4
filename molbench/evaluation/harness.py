"""``molbench.evaluate``: every model on every task with every seed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from molbench.evaluation.asked import Asked
from molbench.evaluation.external.module import modes_kept
from molbench.evaluation.forecast import Forecast, forecast
from molbench.evaluation.perform import perform
from molbench.evaluation.report import Report, Watcher
from molbench.evaluation.tracking import tracking
from molbench.executors.request import ExecutorRequest
from molbench.spec.protocol import Protocol
from molbench.training.trackers.base import trackers_of


def evaluate(
    models: Any,
    tasks: str | Sequence[str] | None = None,
    *,
    suite: str | None = None,
    protocol: str | Protocol = "probe",
    seeds: int | Sequence[int] = 3,
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
    built: bool = False,
    shard: str | None = None,
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
        seeds: Number of seeds, 0 … seeds - 1; or the seeds themselves.
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
        built: Whether tasks whose datasets are not built here are left out.
        shard: ``i/n`` for the i-th of n parts of all pairs of model and task, whose results make a whole.
        watcher: Told how it gets on.

    Raises:
        UserError: If a name, file or dataset is missing or wrong. A run that fails, for whatever reason, is
            no error but a failure in the report.

    Examples:
        A function of molecules is a model; so are modules, calculators, tables of vectors and checkpoints.

        >>> import molbench
        >>> def composition(molecules):
        ...     return [[(m.atomic_numbers == z).sum() for z in (1, 6, 7, 8, 9)] for m in molecules]
        >>> report = molbench.evaluate(composition, "xtb-molecules/gap", seeds=1)
        >>> report.models, report.tasks, report.rows[0].unit
        (['composition'], ['xtb-molecules/gap'], 'meV')
    """
    watcher = watcher or Watcher()
    trackers = trackers_of(logger, Path(output))
    where = ExecutorRequest(executor, workers, time_limit, retries, options or {})
    engine = where.make()
    asked = Asked(
        models, tasks, suite, protocol, seeds, output, scratch, fingerprint, name, built=built, shard=shard
    )
    with modes_kept(models):
        planned = asked.plan(watcher.notice)
        for missing in planned.missing:
            watcher.notice(f"not built here, and left out: {str(missing).strip()}")
        watcher = tracking(watcher, trackers)
        return perform(planned, Path(output), engine, watcher, here_if_one=where.here_if_one)


def dry_run(
    models: Any,
    tasks: str | Sequence[str] | None = None,
    *,
    suite: str | None = None,
    protocol: str | Protocol = "probe",
    seeds: int | Sequence[int] = 3,
    output: Path | str = "results",
    scratch: bool = True,
    fingerprint: bool = False,
    name: str | None = None,
    shard: str | None = None,
    notice: Callable[[str], None] = lambda _text: None,
) -> Forecast:
    """What :func:`evaluate` would do with the same arguments, and what it would take; nothing is written.

    Datasets that are not built are no error here: the forecast names the commands that build them.

    Raises:
        UserError: If a name or file is missing or wrong.

    Examples:
        >>> import molbench
        >>> def composition(molecules):
        ...     return [[(m.atomic_numbers == z).sum() for z in (1, 6, 7, 8, 9)] for m in molecules]
        >>> forecast = molbench.dry_run(composition, "xtb-molecules/*", seeds=2)
        >>> forecast.runs
        24
    """
    asked = Asked(
        models, tasks, suite, protocol, seeds, output, scratch, fingerprint, name, built=True, shard=shard
    )
    with modes_kept(models):
        return forecast(asked.plan(notice), Path(output))
