"""From a file of predictions to results, without a model."""

from __future__ import annotations

import shutil
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.candidates.checkpoint import require_model_name
from molbench.evaluation.candidates.predicted import PredictedCandidate
from molbench.evaluation.handed_in.predictions import PredictionsFile, refuse_faults
from molbench.evaluation.perform import perform
from molbench.evaluation.plan import plan, refuse_missing
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.report import Report, Watcher
from molbench.evaluation.result import Stored, result_files
from molbench.executors import EXECUTORS
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.direct import DIRECT


def score_predictions(
    predictions: Path | str,
    name: str,
    *,
    output: Path | str = "results",
    replace: bool = False,
    watcher: Watcher | None = None,
) -> Report:
    """Score predictions that were made elsewhere; labels come from the datasets as built here.

    Args:
        predictions: A ``.csv`` or ``.parquet`` file with the columns of
            :func:`~molbench.evaluation.handed_in.template.predictions_template`, for any number of tasks.
        name: What the model is called.
        output: Folder of the results.
        replace: Whether earlier predictions of the same name are to go.
        watcher: Told how it gets on.

    Raises:
        UserError: Naming row and column, if anything in the file is wrong; nothing is written then.

    Examples:
        >>> import molbench
        >>> import numpy as np
        >>> import pyarrow as pa
        >>> import pyarrow.parquet as pq
        >>> table = molbench.predictions_template("xtb-molecules/gap")
        >>> column = table.column_names.index("prediction")
        >>> filled = table.set_column(column, "prediction", pa.array(np.full(len(table), 8.0)))
        >>> pq.write_table(filled, "predictions.parquet")
        >>> report = molbench.score_predictions("predictions.parquet", name="eight")
        >>> report.rows[0].task, report.rows[0].protocol
        ('xtb-molecules/gap', 'direct')
    """
    path, output = Path(predictions), Path(output)
    require_model_name(name, "--name")
    file = PredictionsFile.read(path)
    tasks = [_task(file, name) for name in file.tasks]
    refuse_missing(tasks)
    refuse_faults(file, tasks)
    stale = _others(output, name, file.digest)
    if stale and not replace:
        raise UserError(
            f"{stale[0]} holds other predictions of '{name}': choose another --name, or --replace them"
        )
    for folder in stale:
        shutil.rmtree(folder)
    planned = plan([PredictedCandidate(name, path)], tasks, load_protocol("probe"), [0], output)
    return perform(planned, output, EXECUTORS["inline"](), watcher or Watcher())


def _task(file: PredictionsFile, name: str) -> TaskRef:
    """A task by its id; globs would give rows to tasks that they are not for."""
    try:
        matches = [ref for ref in Catalogue.load().tasks([name]) if ref.id == name]
    except UserError as error:
        matches, why = [], f": {error}"
    else:
        why = "; see `molbench list tasks`"
    if not matches:
        row = min(row for (task, _), rows in file.rows.items() if task == name for row in rows)
        raise file.columns.fault(row, "task", f"'{name}' is no task{why}")
    return matches[0]


def _others(output: Path, name: str, digest: str) -> list[Path]:
    """Results of other predictions under the same name."""
    if not (output / name).is_dir():
        return []
    folders = []
    for path in result_files(output / name):
        try:
            result = Stored.read(path.parent).result
        except UserError:
            continue
        if result.protocol.kind == DIRECT and result.checkpoint.encoder_digest != digest:
            folders.append(path.parent)
    return folders
