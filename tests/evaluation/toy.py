"""Two small built datasets made by hand: molecules with labels, and frames of a harmonic trajectory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from molbench.data.folder.manifest import Manifest, Part, combined_digest, file_entries
from molbench.data.read.store import Store
from molbench.evaluation.data import TaskData
from molbench.spec.catalogue import Catalogue
from tests.manifests import content_digest, scheme_entry

VECTORS = pa.list_(pa.list_(pa.float32(), 3))
SPLITS = ["train", "validation", "test"]


def opened(task: str) -> TaskData:
    """Records and labels of a task of the catalogue, by its id."""
    (ref,) = Catalogue.load().tasks([task])
    return TaskData.open(ref, Store.open(ref.folder, ref.subset))


def write_molecules(home: Path, n: int = 120, partial: bool = False) -> Path:
    """Chains of C, N, O: ``mass`` (sum over atoms), ``size``, ``ring`` (0, 1), ``rare`` (half missing)."""
    rng = np.random.default_rng(1)
    records = []
    for i in range(n):
        size = int(rng.integers(2, 8))
        numbers = rng.choice([6, 7, 8], size)
        records.append(
            {
                "id": f"m{i}",
                "atomic_numbers": numbers.astype(np.uint8).tolist(),
                "positions": _chain(rng, size),
                "mass": float((numbers * 2.0).sum() + 0.1 * rng.normal()),
                "size": float(size),
                "ring": float(size > 4),
                "rare": float(size) if i % 2 else float("nan"),
            }
        )
    name = "toy-partial" if partial else "toy"
    declaration = _dataset(
        "toy", {k: {"unit": "eV", "description": k} for k in ("mass", "size", "ring", "rare")}
    )
    declaration["targets"]["mass"]["reference"] = {"C": 12.0, "N": 14.0, "O": 16.0}
    common = {"unit": "meV", "scheme": "random", "schemes": ["random", "other"], "why": "made by hand"}
    tasks = {
        "mass": {"target": "mass", "metrics": ["mae", "rmse", "r2"], "reference": True},
        "size": {"target": "size", "metrics": ["mae", "spearman", "pearson"]},
        "ring": {"target": "ring", "kind": "classification", "metrics": ["auroc", "f1"], "unit": "1"},
        "rare": {"target": "rare", "metrics": ["mae"]},
    }
    schema = {
        "id": pa.string(),
        "atomic_numbers": pa.list_(pa.uint8()),
        "positions": VECTORS,
    } | dict.fromkeys(("mass", "size", "ring", "rare"), pa.float64())
    folder = home / "datasets" / name
    part = _write_part(folder, records, pa.schema(schema), declaration, ["random", "other"], partial)
    _declare(folder, declaration, ["random", "other"], {"defaults": common, "tasks": tasks})
    files = file_entries(folder)
    Manifest(name="toy", dataset_id=name, version="1.0.0", files=files, **part.model_dump()).write(folder)
    return folder


def write_frames(home: Path, n: int = 60) -> Path:
    """Frames of a diatomic on a spring, ``E = k/2 (r - r0)²`` in kcal/mol."""
    rng = np.random.default_rng(2)
    records = []
    for i in range(n):
        axis = rng.normal(size=3)
        axis /= np.linalg.norm(axis)
        r = 1.2 + 0.1 * rng.normal()
        positions = np.stack([axis * r / 2, -axis * r / 2]).astype(np.float32)
        pull = -100.0 * (r - 1.2) * axis
        records.append(
            {
                "id": f"f{i}",
                "atomic_numbers": [6, 8],
                "positions": positions.tolist(),
                "energy": -1000.0 + 50.0 * (r - 1.2) ** 2,
                "forces": np.stack([pull, -pull]).astype(np.float32).tolist(),
            }
        )
    declaration = _dataset("toy-frames", {"energy": {"unit": "kcal/mol", "description": "energy"}})
    declaration |= {
        "forces": {"unit": "kcal/mol/Å", "description": "forces"},
        "subsets": {"co": {"description": "carbon monoxide"}},
        "identity": "frame",
    }
    tasks = {
        "co": {
            "kind": "forces",
            "target": "energy",
            "subset": "co",
            "metrics": ["force_mae", "energy_mae"],
            "unit": "meV/Å",
            "scheme": "random",
            "why": "made by hand",
        }
    }
    schema = pa.schema(
        {
            "id": pa.string(),
            "atomic_numbers": pa.list_(pa.uint8()),
            "positions": VECTORS,
            "energy": pa.float64(),
            "forces": VECTORS,
        }
    )
    folder = home / "datasets" / "toy-frames"
    part = _write_part(folder / "co", records, schema, declaration, ["random"], False)
    _declare(folder, declaration, ["random"], {"tasks": tasks})
    subsets = {"co": part}
    total = part.model_copy(update={"digest": combined_digest(subsets), "schemes": {}})
    Manifest(
        name="toy-frames",
        dataset_id="toy-frames",
        version="1.0.0",
        **total.model_dump(),
        subsets=subsets,
        files=file_entries(folder),
    ).write(folder)
    return folder


def write_ions(home: Path, n: int = 30) -> Path:
    """Water in six states of charge and multiplicity, whose label is the state and nothing else."""
    rng = np.random.default_rng(3)
    records = []
    for i in range(n):
        charge, multiplicity = i % 3 - 1, 1 + i % 2
        records.append(
            {
                "id": f"w{i}",
                "atomic_numbers": [8, 1, 1],
                "positions": _chain(rng, 3),
                "charge": charge,
                "multiplicity": multiplicity,
                "state": 1.0 * charge + 10.0 * multiplicity,
            }
        )
    declaration = _dataset("toy-ions", {"state": {"unit": "eV", "description": "state"}})
    task = {"target": "state", "metrics": ["mae"], "unit": "eV", "scheme": "random", "schemes": ["random"]}
    schema = {"id": pa.string(), "atomic_numbers": pa.list_(pa.uint8()), "positions": VECTORS}
    schema |= {"charge": pa.int64(), "multiplicity": pa.int64(), "state": pa.float64()}
    folder = home / "datasets" / "toy-ions"
    part = _write_part(folder, records, pa.schema(schema), declaration, ["random"], False)
    _declare(folder, declaration, ["random"], {"tasks": {"state": {**task, "why": "made by hand"}}})
    files = file_entries(folder)
    Manifest(name="toy-ions", dataset_id="toy-ions", version="1.0.0", files=files, **part.model_dump()).write(
        folder
    )
    return folder


def _chain(rng: np.random.Generator, size: int) -> list[list[float]]:
    steps = rng.normal(size=(size, 3))
    return (
        (1.4 * steps / np.linalg.norm(steps, axis=1, keepdims=True))
        .cumsum(axis=0)
        .astype(np.float32)
        .tolist()
    )


def _dataset(name: str, targets: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0.0",
        "title": name,
        "summary": "Made by hand.",
        "record": "molecule",
        "licence": "CC0-1.0",
        "citation": [],
        "parser": "records",
        "targets": targets,
    }


def _declare(folder: Path, dataset: dict[str, Any], schemes: list[str], tasks: dict[str, Any]) -> None:
    splits = {"schemes": {s: {"generator": "ratio", "description": "made by hand"} for s in schemes}}
    for name, content in {"dataset": dataset, "splits": splits, "tasks": tasks}.items():
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _write_part(
    folder: Path,
    records: list[dict[str, Any]],
    schema: pa.Schema,
    dataset: dict[str, Any],
    schemes: list[str],
    partial: bool,
) -> Part:
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    (folder / "splits").mkdir(exist_ok=True)
    table = pa.Table.from_pylist(records, schema=schema)
    pq.write_table(table, folder / "cells" / "all.parquet")
    ids, entries = [record["id"] for record in records], {}
    for seed, scheme in enumerate(schemes):
        labels = np.random.default_rng(seed).permutation(np.resize(np.repeat(SPLITS, [6, 2, 2]), len(ids)))
        pq.write_table(pa.table({"id": ids, "split": labels}), folder / "splits" / f"{scheme}.parquet")
        entries[scheme] = scheme_entry(table, dataset, labels.tolist(), complete=not partial)
    return Part(
        records=len(ids),
        digest=content_digest(table),
        bytes=1,
        count="short" if partial else "complete",
        partial=partial,
        schemes=entries,
    )
