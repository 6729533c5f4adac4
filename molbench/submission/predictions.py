"""Files of predictions of a submission: Parquet with one row a seed and record, and no labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.atomic import replace_file
from molbench.errors import UserError, error_line, quoted
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.spec.submission import Predicted

#: Numbers in one row, of a spectrum or of forces, and characters of an id.
_MOST_NUMBERS, _LONGEST_ID = 10_000, 500
_COLUMNS = ("seed", "id", "prediction", "force")


def write_predictions(path: Path, of_seeds: Mapping[int, Predictions]) -> None:
    """Write predictions of several seeds: seed, id, prediction, and force where there are some.

    Args:
        path: The file.
        of_seeds: Predictions of each seed; spectra are written as lists of numbers.
    """
    parts = []
    for seed, given in sorted(of_seeds.items()):
        values = given.prediction
        columns: dict[str, pa.Array] = {
            "seed": pa.array(np.full(len(given.ids), seed), pa.int32()),
            "id": pa.array(given.ids, pa.string()),
            "prediction": pa.array(values) if values.ndim == 1 else _lists(values),
        }
        if given.forces is not None:
            offsets = pa.array(given.forces.offsets.astype(np.int32))
            columns["force"] = pa.ListArray.from_arrays(
                offsets, pa.array(given.forces.prediction, pa.float32())
            )
        parts.append(pa.table(columns))
    with replace_file(path) as temporary:
        pq.write_table(pa.concat_tables(parts), temporary, compression="zstd", compression_level=19)


def read_predictions(path: Path, entry: Predicted, records: int) -> dict[int, Predictions]:
    """Read what anybody may have written: predictions of each seed, without labels.

    Args:
        path: The file.
        entry: What the card says of it.
        records: Rows that it should have, which bounds what is read.

    Raises:
        UserError: If it is damaged, far too large once it is read, or not as :func:`write_predictions`
            writes; with the row where there is one.
    """
    try:
        table = _bounded(path, 2 * records + 1000)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise UserError(f"{path}: damaged predictions: {error_line(error)}") from error
    seeds = _numbers(path, table, "seed")
    if not np.array_equal(seeds, np.rint(seeds)):
        raise UserError(f"{path}: column 'seed' holds what is no whole number")
    present = sorted({int(seed) for seed in np.unique(seeds)})
    if present != sorted(entry.seeds):
        raise UserError(f"{path}: holds seeds {present[:20]}, the card says {sorted(entry.seeds)[:20]}")
    return {seed: _of_seed(path, table.filter(pa.array(seeds == seed)), seed, entry) for seed in present}


def _of_seed(path: Path, table: pa.Table, seed: int, entry: Predicted) -> Predictions:
    where = f"{path}: seed {seed}"
    ids = table.column("id").to_pylist()
    if None in ids:
        raise UserError(f"{where}: row {ids.index(None)} has no id")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        row = next(i for i, name in enumerate(ids) if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise UserError(f"{where}: row {row}: id {quoted(ids[row])} stands twice")
    values = _finite(where, ids, _values(where, table.column("prediction")))
    forces = None
    if "force" in table.column_names:
        if entry.force_unit is None:
            raise UserError(f"{where}: has forces, and the card gives no force_unit")
        parts = table.column("force").combine_chunks()
        if parts.null_count or parts.flatten().null_count:
            raise UserError(f"{where}: column 'force' has gaps")
        flat = parts.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        offsets = np.concatenate([[0], np.cumsum(parts.value_lengths().to_numpy())]).astype(np.int64)
        if not np.isfinite(flat).all():
            row = int(np.searchsorted(offsets, int(np.flatnonzero(~np.isfinite(flat))[0]), side="right")) - 1
            raise UserError(f"{where}: row {row} ({quoted(ids[row])}): a force is not finite")
        forces = ForcePredictions(np.zeros_like(flat), flat, offsets, entry.force_unit)
    return Predictions(ids, np.zeros_like(values), values, entry.unit, forces)


def _bounded(path: Path, most: int) -> pa.Table:
    """The table, once its header says that it is one of predictions and not too large.

    Ids stay a dictionary: written once, a long one may stand in millions of rows.
    """
    with pq.ParquetFile(path, memory_map=False, read_dictionary=["id"]) as file:
        meta = file.metadata
        chunks = [
            meta.row_group(i).column(j) for i in range(meta.num_row_groups) for j in range(meta.num_columns)
        ]
        if meta.num_rows > most or any(chunk.num_values > most * _MOST_NUMBERS for chunk in chunks):
            raise UserError(f"{path}: {meta.num_rows:,} rows: far more than there are test records and seeds")
        if sum(chunk.total_uncompressed_size for chunk in chunks) > most * (8 * _MOST_NUMBERS + _LONGEST_ID):
            raise UserError(f"{path}: far larger than predictions of these test records")
        names = file.schema_arrow.names
        if unknown := [name for name in names if name not in _COLUMNS]:
            raise UserError(f"{path}: unknown column {quoted(unknown[0])}; columns are {', '.join(_COLUMNS)}")
        if missing := [name for name in _COLUMNS[:3] if name not in names]:
            raise UserError(f"{path}: has no column '{missing[0]}'")
        if len(set(names)) < len(names):
            raise UserError(f"{path}: a column stands twice")
        types = {name: file.schema_arrow.field(name).type for name in names}
        kind = types["id"].value_type if pa.types.is_dictionary(types["id"]) else types["id"]
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise UserError(f"{path}: column 'id' holds {kind}, not text")
        for name in ("prediction", "force"):
            if name in types and not _numeric(types[name], nested=True):
                raise UserError(f"{path}: column '{name}' holds {quoted(str(types[name]))}, not numbers")
        if "force" in types and not pa.types.is_list(types["force"]):
            raise UserError(f"{path}: column 'force' holds {types['force']}, not a list for each record")
        if not pa.types.is_integer(types["seed"]):
            raise UserError(f"{path}: column 'seed' holds {types['seed']}, not whole numbers")
        table = file.read().unify_dictionaries()
    ids = table.column("id")
    if pa.types.is_dictionary(ids.type) and ids.num_chunks:
        longest = pc.max(pc.binary_length(ids.chunk(0).dictionary)).as_py() or 0
        if longest > _LONGEST_ID:
            raise UserError(f"{path}: an id of {longest:,} bytes")
    return table


def _numeric(kind: pa.DataType, nested: bool) -> bool:
    if nested and (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)):
        return _numeric(kind.value_type, nested=False)
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _numbers(path: Path, table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name)
    if column.null_count:
        raise UserError(f"{path}: column '{name}' has gaps")
    values: np.ndarray = column.to_numpy().astype(np.float64)
    return values


def _values(where: str, column: pa.ChunkedArray) -> np.ndarray:
    parts = column.combine_chunks()
    if parts.null_count:
        row = parts.is_null().to_pylist().index(True)
        raise UserError(f"{where}: row {row}: no prediction")
    if pa.types.is_list(parts.type) or pa.types.is_fixed_size_list(parts.type):
        flat = parts.flatten()
        lengths = np.diff(parts.offsets.to_numpy()) if pa.types.is_list(parts.type) else [0]
        if flat.null_count or len(set(lengths)) > 1:
            raise UserError(f"{where}: its spectra differ in length or have gaps")
        spectra: np.ndarray = flat.to_numpy(zero_copy_only=False).astype(np.float64)
        return spectra.reshape(len(parts), -1)
    values: np.ndarray = parts.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _finite(where: str, ids: list[str], values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise UserError(f"{where}: row {row} ({quoted(ids[row])}): the prediction is not finite")
    return values


def _lists(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel(), pa.float32()), values.shape[1])
