"""What is declared, and what a manifest says, of a split scheme of records that a test wrote itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.folder.digest import ContentDigest, assignment_digest
from molbench.data.folder.manifest import SchemeEntry
from molbench.data.folder.scheme_digest import record_digests, scheme_digest, scored_columns, spelled
from molbench.spec.dataset import Dataset


def scheme_entry(
    table: pa.Table, dataset: Mapping[str, Any], labels: Sequence[str], *, complete: bool = True
) -> SchemeEntry:
    """The entry of a scheme, from all records in source order and the text of ``dataset.yaml``."""
    columns = scored_columns(Dataset.model_validate(dataset), table.schema)
    ids = pa.array(table.column("id").to_pylist(), pa.string())
    column = np.array(labels)
    return SchemeEntry(
        digest=assignment_digest(ids.to_pylist(), column.tolist()),
        content=scheme_digest(ids, column, record_digests(table, columns), spelled(table.schema, columns)),
        complete=complete,
        counts={label: int((column == label).sum()) for label in dict.fromkeys(column.tolist())},
    )


def ratio(seed: int) -> dict[str, Any]:
    """The declaration of a scheme that is drawn at random."""
    parameters = {"seed": seed, "fractions": [0.8, 0.1, 0.1]}
    return {"generator": "ratio", "parameters": parameters, "description": "Random."}


def content_digest(table: pa.Table) -> str:
    """The content digest of records in source order."""
    digest = ContentDigest(table.schema)
    digest.update(table)
    return digest.hexdigest()
