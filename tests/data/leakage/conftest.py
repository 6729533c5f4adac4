"""Built datasets written by hand, so that a test decides what lies in which split."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.chem.inchikeys import inchikey
from molbench.data.folder.manifest import Manifest, file_entries
from molbench.paths import home
from tests.manifests import scheme_entry

DATASET = {
    "version": "1.0.0",
    "title": "Toy",
    "summary": "Made by hand.",
    "record": "molecule",
    "licence": "CC0-1.0",
    "citation": ["Nobody."],
    "parser": "records",
}


@pytest.fixture
def handmade() -> Callable[..., Path]:
    """``handmade(name, table, {scheme: labels}, declared={scheme: {...}}, tasks={...}, **dataset)``.

    Records are sorted differently in cells and in splits, and InChIKeys are added as the builder does.
    """

    def make(
        name: str,
        table: pa.Table,
        labels: Mapping[str, list[str]],
        *,
        declared: Mapping[str, Mapping[str, Any]] | None = None,
        tasks: Mapping[str, Any] | None = None,
        **dataset: Any,
    ) -> Path:
        for smiles in ("smiles", "a_smiles", "b_smiles"):
            if smiles in table.column_names:
                keys = [inchikey(text) for text in table.column(smiles).to_pylist()]
                table = table.append_column(smiles.replace("smiles", "inchikey"), pa.array(keys, pa.string()))
        folder = home() / "datasets" / name
        for part in ("cells", "splits"):
            (folder / part).mkdir(parents=True)
        n = len(table)
        ids = table.column("id").to_pylist()
        shuffled = table.take(pa.array(np.random.default_rng(0).permutation(n)))
        pq.write_table(shuffled.slice(0, n // 2), folder / "cells" / "a0.parquet")
        pq.write_table(shuffled.slice(n // 2), folder / "cells" / "a1.parquet")
        schemes, entries = {}, {}
        for scheme, column in labels.items():
            pq.write_table(pa.table({"id": ids, "split": column}), folder / "splits" / f"{scheme}.parquet")
            entries[scheme] = scheme_entry(table, DATASET | {"name": name} | dataset, column)
            schemes[scheme] = {"generator": "ratio", "description": "By hand."}
        schemes |= declared or {}
        for file, content in {
            "dataset": DATASET | {"name": name} | dataset,
            "splits": {"schemes": schemes},
            "tasks": {"tasks": tasks or {}},
        }.items():
            (folder / f"{file}.yaml").write_text(yaml.safe_dump(content))
        Manifest(
            name=name,
            dataset_id=name,
            version="1.0.0",
            records=n,
            digest=f"digest of {name}",
            bytes=0,
            count="complete",
            partial=False,
            schemes=entries,
            files=file_entries(folder),
        ).write(folder)
        return folder

    return make
