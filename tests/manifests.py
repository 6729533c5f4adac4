"""What a manifest says of a split scheme of records that a test wrote itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.folder.digest import assignment_digest
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
