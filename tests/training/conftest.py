import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.data.builder import build
from molbench.spec.catalogue import DatasetEntry


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The module ``toy.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["toy"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def build_molecules(tmp_path: Path) -> Callable[..., Path]:
    """Build a dataset with RDKit geometries: ``build_molecules(name, smiles, with_smiles=True, seed=1)``.

    The scheme ``size`` puts the molecules with the fewest heavy atoms into train and the largest into test.
    """

    def make(name: str, smiles: Sequence[str], with_smiles: bool = True, seed: int = 1) -> Path:
        columns: dict[str, list[Any]] = {"id": [], "atomic_numbers": [], "positions": [], "size": []}
        for number, text in enumerate(smiles):
            molecule = Chem.AddHs(Chem.MolFromSmiles(text))
            AllChem.EmbedMolecule(molecule, randomSeed=seed + number)
            columns["id"].append(f"{name}-{number}")
            columns["atomic_numbers"].append([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
            columns["positions"].append(molecule.GetConformer().GetPositions().astype(np.float32).tolist())
            columns["size"].append(float(molecule.GetNumAtoms()))
        vectors = pa.list_(pa.list_(pa.float32(), 3))
        types = {"atomic_numbers": pa.list_(pa.uint8()), "positions": vectors}
        table = pa.table({key: pa.array(value, types.get(key)) for key, value in columns.items()})
        if with_smiles:
            table = table.append_column("smiles", pa.array(smiles))
        folder = tmp_path / "declared" / name
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "raw.parquet")
        scheme = {
            "generator": "size",
            "parameters": {"fractions": [0.5, 0.25, 0.25], "seed": 0},
            "description": "Small first.",
        }
        task = {"target": "size", "metrics": ["mae"], "unit": "1", "scheme": "size", "why": "None."}
        declarations = {
            "dataset": {
                "name": name,
                "version": "1.0.0",
                "title": name,
                "summary": "Made for a test.",
                "record": "molecule",
                "licence": "CC0-1.0",
                "citation": [],
                "parser": "records",
                "options": {"columns": ["smiles", "size"] if with_smiles else ["size"]},
                "sources": {"records": {"filename": "raw.parquet"}},
                "targets": {"size": {"unit": "1", "description": "Number of atoms"}},
            },
            "splits": {"schemes": {"size": scheme}},
            "tasks": {"tasks": {"size": task}},
        }
        for key, value in declarations.items():
            (folder / f"{key}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        return build(DatasetEntry(name, folder), raw=folder, offline=True)

    return make
