"""The table that a model's owner fills in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from molbench.arguments import seeds_of
from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.evaluation.plan import refuse_missing
from molbench.evaluation.tested import TestRecords
from molbench.spec.catalogue import Catalogue, TaskRef


def predictions_template(tasks: str | Sequence[str], seeds: int = 1) -> pa.Table:
    """One row for each test record, whose predictions are to be filled in.

    Args:
        tasks: Globs over task ids.
        seeds: So many seeds of each task; of a cross-validation they are its folds.

    Returns:
        Columns ``task``, ``seed``, ``id``, ``prediction`` (empty; for spectra a list), ``unit`` (the
        dataset's own, which may be changed to any that converts), and for forces ``forces`` (three
        numbers for each atom, one after the other) and ``force_unit``.

    Raises:
        UserError: If a task is unknown or not built.

    Examples:
        >>> import molbench
        >>> table = molbench.predictions_template("xtb-molecules/gap")
        >>> table.column_names
        ['task', 'seed', 'id', 'prediction', 'unit']
    """
    refs = Catalogue.load().tasks([tasks] if isinstance(tasks, str) else list(tasks))
    refuse_missing(refs)
    tables = [_rows(ref.at(seed), seed) for ref in refs for seed in seeds_of(seeds)]
    if any(pa.types.is_list(table.schema.field("prediction").type) for table in tables):
        tables = [_with_lists(table) for table in tables]
    return pa.concat_tables(tables, promote_options="permissive")


def write_template(tasks: str | Sequence[str], path: Path, seeds: int = 1) -> int:
    """Write :func:`predictions_template` to a ``.csv`` or ``.parquet`` file.

    Returns:
        Number of rows.

    Raises:
        UserError: If there is a file of that name already, or the suffix is another.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise UserError(f"{path}: a table of predictions is named *.csv or *.parquet")
    if path.exists():
        raise UserError(f"{path}: is there already, and may be filled in; choose another name")
    table = predictions_template(tasks, seeds)
    with replace_file(path) as temporary:
        if path.suffix == ".csv":
            lists = [i for i, field in enumerate(table.schema) if pa.types.is_list(field.type)]
            for column in lists:  # written as text, "0.1 0.2"
                table = table.set_column(
                    column, table.schema.names[column], pa.nulls(table.num_rows, pa.string())
                )
            pa.csv.write_csv(table, temporary)
        else:
            pq.write_table(table, temporary)
    return int(table.num_rows)


def _with_lists(table: pa.Table) -> pa.Table:
    """One column holds single numbers and spectra alike, where a number is a list of one."""
    column = table.schema.get_field_index("prediction")
    return table.set_column(column, "prediction", pa.nulls(table.num_rows, pa.list_(pa.float64())))


def _rows(task: TaskRef, seed: int) -> pa.Table:
    tested = TestRecords.of(task)
    count = len(tested.row_of)
    kind = pa.list_(pa.float64()) if tested.target.ndim == 2 else pa.float64()
    columns = {
        "task": pa.array([task.id] * count),
        "seed": pa.array([seed] * count),
        "id": pa.array(list(tested.row_of)),
        "prediction": pa.nulls(count, kind),
        "unit": pa.array([task.unit] * count),
    }
    if tested.forces is not None:
        columns["forces"] = pa.nulls(count, pa.list_(pa.float64()))
        columns["force_unit"] = pa.array([tested.forces.unit] * count)
    return pa.table(columns)
