"""A checkpoint's vectors as a table, with which it is scored as by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from molbench.atomic import replace_file
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.embedding import embed_store
from molbench.evaluation.plan import refuse_missing
from molbench.evaluation.vectors.features import dataset_of
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.training.checkpoint import Checkpoint


def write_vectors(
    checkpoint: Path | str, tasks: Sequence[str], output: Path | str, *, suite: str | None = None
) -> tuple[int, int]:
    """Write one vector for each record of the datasets of some tasks.

    Args:
        checkpoint: A checkpoint file.
        tasks: Globs over task ids.
        output: A ``.parquet`` or ``.npz`` file, with ``dataset``, ``id`` and ``vector``.
        suite: Take the tasks from this suite.

    Returns:
        Number of vectors, and their length.

    Raises:
        UserError: If a file, task or dataset is missing or wrong, the output is there, or vectors of datasets
            differ in length.
    """
    output = Path(output)
    if output.suffix not in {".parquet", ".npz"}:
        raise UserError(f"{output}: a table of vectors is named *.parquet or *.npz")
    if output.exists():
        raise UserError(f"{output}: is there already; choose another name or remove it")
    if not tasks and suite is None:
        raise UserError("vectors of which records? Name tasks or a suite, for instance xtb-molecules/*")
    refs = Catalogue.load().tasks(tasks, suite)
    refuse_missing(refs)
    backbone = Checkpoint.load(Path(checkpoint)).build()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    sets: dict[str, TaskRef] = {dataset_of(ref): ref for ref in refs}
    datasets: list[str] = []
    ids: list[str] = []
    vectors: list[np.ndarray] = []
    for name, ref in sets.items():
        if ref.folder is None:
            continue
        store = Store.open(ref.folder, ref.subset)
        backbone.check_records(store)
        vectors.append(embed_store(backbone, store, device).features)
        if vectors[-1].shape[1] != vectors[0].shape[1]:
            raise UserError(
                f"vectors of {name} have {vectors[-1].shape[1]} numbers, those of {next(iter(sets))} "
                f"{vectors[0].shape[1]}: give records of one and of two molecules a table each"
            )
        datasets += [name] * len(store)
        ids += store.ids.to_pylist()
    whole = np.concatenate(vectors)
    with replace_file(output) as temporary:
        if output.suffix == ".npz":
            with temporary.open("wb") as file:
                np.savez(file, dataset=np.array(datasets), id=np.array(ids), vector=whole)
        else:
            column = pa.FixedSizeListArray.from_arrays(pa.array(whole.ravel()), whole.shape[1])
            pq.write_table(
                pa.table({"dataset": datasets, "id": ids, "vector": column}), temporary, compression="zstd"
            )
    return whole.shape
