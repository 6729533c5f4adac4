"""Mutates the input of the parsers of GEOM, Molecule3D and PCQM4Mv2; see ``fuzz_parsers.py``.

Run ``PYTHONPATH=. python benchmarks/fuzz_corpora.py --rounds 10000``; the same seed gives the same ones. The
whole inputs are those of the parsers' own tests. One process reads the molecules of all mutations, where a
build starts one a shard.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fuzz_parsers import Files, Outcome, Sample, drive, parse
from tests.data.parsers import test_geom_msgpack, test_geom_rdkit, test_molecule3d, test_pcqm4mv2

from molbench.data.build.parsers import geom_rdkit, mol_process


def samples() -> list[Sample]:
    """The seeds of the tests."""
    modules = (test_geom_msgpack, test_molecule3d, test_pcqm4mv2, test_geom_rdkit)
    return [Sample(*seed) for module in modules for seed in module.fuzz_seeds()]


def run(sample: Sample, files: Files, folder: Path) -> Outcome:
    """Parse files and check what comes out."""
    return parse(sample, _written(files, folder), check)


def check(table: pa.Table, schema: pa.Schema) -> None:
    """Raise RuntimeError unless a table keeps the promises of records; labels may be missing."""
    table.validate(full=True)
    atoms = pc.list_value_length(table["atomic_numbers"]).to_numpy()
    numbers = pc.list_flatten(table["atomic_numbers"]).to_numpy()
    places = pc.list_flatten(pc.list_flatten(table["positions"])).to_numpy()
    sound = table.schema == schema and bool((atoms > 0).all())
    sound = sound and bool((pc.list_value_length(table["positions"]).to_numpy() == atoms).all())
    sound = sound and bool(((numbers >= 1) & (numbers <= 118)).all()) and bool(np.isfinite(places).all())
    for field in schema:
        if pa.types.is_floating(field.type):
            known = table[field.name].drop_null().to_numpy()
            sound = sound and bool(np.isfinite(known).all())
    if "bonds" in table.column_names:
        columns = (table[name].to_pylist() for name in ("atomic_numbers", "bonds", "bond_orders"))
        for own, bonds, orders in zip(*columns, strict=True):
            sound = sound and len(bonds) == len(orders) and all(i < len(own) for bond in bonds for i in bond)
    if not sound:
        raise RuntimeError(f"broken promise in {table.to_pylist()}")


def _written(files: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    paths = {name: folder / name for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    return paths


class _Shared:
    """The one reading process, whichever mutation asks for it."""

    process = mol_process.MolProcess()

    def __enter__(self) -> mol_process.MolProcess:
        return self.process

    def __exit__(self, *_: object) -> None:
        """It is kept for the next."""


if __name__ == "__main__":
    geom_rdkit.MolProcess = _Shared  # type: ignore[assignment,misc]
    drive(__doc__, samples, run)
    _Shared.process.close()
