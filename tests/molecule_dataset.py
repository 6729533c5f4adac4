"""A dataset of molecules with RDKit geometries, declared and built in a temporary folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.data.build.builder import build
from molbench.spec.catalogue import DatasetEntry


@dataclass(frozen=True)
class MoleculeDataset:
    """Called with a name and SMILES, builds a dataset and returns its folder.

    The scheme ``size`` puts the molecules with the fewest heavy atoms into train and the largest into test.
    """

    folder: Path

    def __call__(self, name: str, smiles: Sequence[str], with_smiles: bool = True, seed: int = 1) -> Path:
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
        folder = self.folder / "declared" / name
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
                "records": len(table),
                "targets": {"size": {"unit": "1", "description": "Number of atoms"}},
            },
            "splits": {"schemes": {"size": scheme}},
            "tasks": {"tasks": {"size": task}},
        }
        for key, value in declarations.items():
            (folder / f"{key}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        return build(DatasetEntry(name, folder), raw=folder, offline=True)
