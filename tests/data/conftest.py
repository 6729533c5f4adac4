"""Small synthetic datasets, declared and stored the way real ones are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.spec.catalogue import DatasetEntry
from tests.manifests import ratio

VECTORS = pa.list_(pa.list_(pa.float32(), 3))
SMILES = (
    "CCO",
    "c1ccccc1",
    "CC(=O)N",
    "C1CCC1C",
    "CCF",
    "CCN",
    "O=C1CCC1",
    "Cc1ccco1",
    "C#CCO",
    "not smiles",
)


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a Hugging Face cache of its own: the library reads its variables only when imported."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def molecules() -> Callable[..., pa.Table]:
    """Random molecules in record columns: ``molecules(n, seed=0)``."""

    def make(n: int, seed: int = 0) -> pa.Table:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 9, size=n)
        offsets = np.concatenate([[0], sizes.cumsum()]).astype(np.int32)
        positions = rng.uniform(-0.4, 0.4, size=(offsets[-1], 3)) + np.arange(offsets[-1])[:, None] % 8
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(positions.astype(np.float32).ravel()), type=VECTORS.value_type
        )
        return pa.table(
            {
                "id": [f"m-{i:05d}" for i in range(n)],
                "atomic_numbers": pa.ListArray.from_arrays(
                    offsets, pa.array(rng.choice([1, 6, 7, 8], size=offsets[-1]).astype(np.uint8))
                ),
                "positions": pa.ListArray.from_arrays(offsets, vectors),
                "smiles": [SMILES[i % len(SMILES)] for i in range(n)],
                "energy": rng.normal(size=n),
            }
        )

    return make


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Folder of raw files."""
    folder = tmp_path / "raw"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def declare(tmp_path: Path, raw: Path) -> Callable[..., DatasetEntry]:
    """Write a raw file and its declarations: ``declare(table, schemes={...}, records=...)``."""

    def make(
        table: pa.Table | None, *, schemes: dict[str, Any] | None = None, name: str = "toy", **changes: Any
    ) -> DatasetEntry:
        if table is not None:
            pq.write_table(table, raw / f"{name}.parquet", row_group_size=50)
        folder = tmp_path / "declared" / name
        folder.mkdir(parents=True, exist_ok=True)
        columns = ["smiles", "energy"] if table is None else table.column_names[3:]
        dataset = {
            "name": name,
            "version": "1.0.0",
            "title": "Toy molecules",
            "summary": "Noise.",
            "record": "molecule",
            "licence": "CC0-1.0",
            "citation": ["Nobody, Nowhere (2026)."],
            "parser": "records",
            "options": {"columns": columns},
            "sources": {"records": {"filename": f"{name}.parquet"}},
            "records": None if table is None else len(table),
            "targets": {"energy": {"unit": "eV", "description": "Noise"}},
        } | changes
        schemes = schemes or {"random": ratio(0), "other": ratio(1)}
        for file, content in {"dataset": dataset, "splits": {"schemes": schemes}}.items():
            separate = json.loads(json.dumps(content))  # what is there twice would be written as an alias
            (folder / f"{file}.yaml").write_text(yaml.safe_dump(separate, sort_keys=False))
        (folder / "tasks.yaml").write_text("tasks: {}\n")
        return DatasetEntry(name, folder)

    return make
