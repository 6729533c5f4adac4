"""Records laid out once for reading, from content that was checked, under the digest of that content.

The file below ``$MOLBENCH_HOME/stores`` is called by the content digest that was computed while it was
written: a folder whose manifest tells the digest of another dataset cannot put its records there. A checksum
beside the file tells damage, and split files are held against their digest when a process first reads them.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from molbench.atomic import replace_file, scratch_folder, sweep
from molbench.data.folder.digest import ContentDigest, assignment_digest
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, file_entry
from molbench.data.folder.parquet import read_parquet
from molbench.data.folder.scheme_digest import record_digests, scheme_digest, scored_columns, spelled
from molbench.errors import UserError
from molbench.paths import catalogue_root, home
from molbench.spec.dataset import Dataset

_SLICE = 4096


def laid_out(folder: Path, subset: str | None, manifest: Manifest) -> pa.RecordBatch:
    """The records of a built dataset or subset as one memory-mapped record batch in source order.

    Raises:
        UserError: If the content is not what the manifest tells.
    """
    digest = manifest.part(subset).digest
    # Hashed, because the manifest may be a stranger's and the name becomes part of a path.
    path = home() / "stores" / f"{sha256(digest.encode()).hexdigest()}.arrow"
    sweep(path.parent)  # one that laid out may have been killed, and another have done its work
    if not _is_sound(path):
        where = subset_folder(folder, subset)
        _refuse_damage(folder, where, manifest)
        write_layout(where, path, digest)
        _is_sound.cache_clear()
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)


def refuse_unequal(folder: Path, manifest: Manifest) -> None:
    """An embedded dataset is the one that comes with the package, wherever a copy of it lies.

    Raises:
        UserError: If the folder has the name of an embedded dataset and other records or splits.
    """
    official = catalogue_root() / "datasets" / manifest.dataset_id
    if not (official / "manifest.json").is_file() or official.resolve() == folder.resolve():
        return
    ours = Manifest.read(official)
    if manifest.digest != ours.digest or _schemes(manifest) != _schemes(ours):
        raise UserError(
            f"{folder}: it calls itself '{manifest.dataset_id}', but its records or splits are not those of "
            "that dataset; give it a name of its own"
        )


@cache
def _labels(path: Path, digest: str, _stamp: tuple[int, int]) -> pa.ChunkedArray:
    table = read_parquet(path, ["id", "split"])
    actual = assignment_digest(table.column("id").to_pylist(), table.column("split").to_pylist())
    if actual != digest:
        raise UserError(f"{path}: damaged, it is not the split that was built; build or fetch it again")
    return table.column("split")


def checked_labels(path: Path, digest: str) -> pa.ChunkedArray:
    """Labels of a split file in source order.

    Args:
        path: ``splits/<scheme>.parquet``.
        digest: Of the assignment, as the manifest tells it.

    Raises:
        UserError: If the file holds another assignment.
    """
    status = path.stat()
    return _labels(path, digest, (status.st_mtime_ns, status.st_size))


def used_records_digest(
    batch: pa.RecordBatch, dataset: Dataset, digest: str, labels: np.ndarray, geometry: bool
) -> str:
    """Digest of the records that a split scheme uses.

    Args:
        batch: All records, as laid out.
        dataset: Their declaration, which says what labels are.
        digest: Content digest of the records.
        labels: Split of each record, [n].
        geometry: Whether positions, bonds and SMILES are part of it.
    """
    columns = scored_columns(dataset, batch.schema, geometry)
    digests = _record_digests(batch, columns, digest)
    return scheme_digest(batch.column("id"), labels, digests, spelled(batch.schema, columns))


def _record_digests(batch: pa.RecordBatch, columns: list[str], digest: str) -> np.ndarray:
    """Digest of each record, [n, 32], kept beside the store with a checksum behind them."""
    named = sha256(json.dumps([digest, columns]).encode()).hexdigest()
    path = home() / "stores" / f"{named}.records"
    try:
        raw = path.read_bytes()
    except OSError:
        raw = b""
    if len(raw) != 32 * (len(batch) + 1) or sha256(raw[:-32]).digest() != raw[-32:]:
        slices = (batch.slice(start, _SLICE) for start in range(0, len(batch), _SLICE))
        pieces = [record_digests(pa.Table.from_batches([piece]), columns).tobytes() for piece in slices]
        raw = b"".join(pieces)
        raw += sha256(raw).digest()
        with replace_file(path) as temporary:
            temporary.write_bytes(raw)
    return np.frombuffer(raw[:-32], dtype=np.uint8).reshape(-1, 32)


def write_layout(folder: Path, path: Path, digest: str) -> None:
    """Write the records below ``folder`` to ``path`` as one Arrow record batch in source order.

    Columns are gathered one after the other and parked on disk until the batch is written from their mapped
    pages, so that memory holds one column at a time and never the dataset.

    Args:
        folder: A built dataset or subset.
        path: File to make; its checksum is written beside it.
        digest: Content digest that the records must have.

    Raises:
        UserError: If cells and splits contradict each other, or the records have another digest.
    """
    cells = sorted((folder / "cells").glob("*.parquet"))
    schemes = sorted((folder / "splits").glob("*.parquet"))
    if not cells or not schemes:
        raise UserError(f"{folder}: no cells or no splits: the build is damaged; see `molbench data verify`")
    order = read_parquet(schemes[0], ["id"]).column("id").combine_chunks()
    take = pc.index_in(order, value_set=_column(cells, "id"))
    if take.null_count or len(pc.unique(take)) != sum(pq.read_metadata(cell).num_rows for cell in cells):
        raise UserError(f"{folder}: ids of cells and splits disagree: damaged; see `molbench data verify`")
    schema = pq.read_schema(cells[0]).remove_metadata()
    content = ContentDigest(schema)
    with scratch_folder(path) as parking, replace_file(path) as temporary:
        columns = []
        for number, name in enumerate(schema.names):
            columns.append(_park(_column(cells, name).take(take), parking / str(number)))
            content.update(pa.table({name: columns[-1]}))
        if content.hexdigest() != digest:
            raise UserError(
                f"{folder}: its records are not those whose digest its manifest tells; "
                "build or fetch it again"
            )
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        with pa.ipc.new_file(str(temporary), schema) as writer:
            writer.write_batch(batch)
        with replace_file(_checksum(path)) as beside:
            beside.write_text(json.dumps(_digest_of(temporary)))


@cache
def _is_sound(path: Path) -> bool:
    """Whether the file is there and is what was written; looked at once a process."""
    try:
        return bool(json.loads(_checksum(path).read_text()) == _digest_of(path))
    except (OSError, ValueError):
        return False


def _checksum(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _schemes(manifest: Manifest) -> dict[str | None, dict[str, str]]:
    return {
        subset: {name: scheme.digest for name, scheme in part.schemes.items()}
        for subset, part in manifest.by_subset.items()
    }


def _column(cells: list[Path], name: str) -> pa.Array:
    return pa.concat_arrays(
        [chunk for cell in cells for chunk in read_parquet(cell, [name]).column(0).chunks]
    )


def _park(column: pa.Array, path: Path) -> pa.Array:
    batch = pa.record_batch([column], names=["column"])
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column(0)


def _refuse_damage(folder: Path, subset: Path, manifest: Manifest) -> None:
    """Parquet readers do not notice a flipped bit: compare every file with the manifest before it is used."""
    for path in sorted(
        file for kind in ("cells/*", "splits/*", "molecules") for file in subset.glob(f"{kind}.parquet")
    ):
        if file_entry(path) != manifest.files.get(path.relative_to(folder).as_posix()):
            raise UserError(f"{path}: damaged, it is not the file that was built; build or fetch it again")
