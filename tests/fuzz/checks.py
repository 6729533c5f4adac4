"""What records of molecules and of pairs promise, whatever file they come from."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rdkit import Chem


def check_molecules(table: pa.Table, schema: pa.Schema, labels_may_be_null: bool = False) -> None:
    """Raise RuntimeError unless every record is a molecule with finite positions and labels."""
    table.validate(full=True)
    _promise(table.schema == schema, "schema")
    atoms = pc.list_value_length(table["atomic_numbers"]).to_numpy()
    _promise((atoms > 0).all(), "atoms")
    _promise((pc.list_value_length(table["positions"]).to_numpy() == atoms).all(), "one position an atom")
    numbers = pc.list_flatten(table["atomic_numbers"]).to_numpy()
    _promise(((numbers >= 1) & (numbers <= 118)).all(), "elements")
    coordinates = pc.list_flatten(pc.list_flatten(table["positions"])).to_numpy()
    _promise(np.isfinite(coordinates).all(), "finite positions")
    _finite_labels(table, labels_may_be_null)
    if "bonds" in table.column_names:
        columns = (table[name].to_pylist() for name in ("atomic_numbers", "bonds", "bond_orders"))
        for own, bonds, orders in zip(*columns, strict=True):
            _promise(len(bonds) == len(orders), "one order a bond")
            _promise(all(i < len(own) for bond in bonds for i in bond), "bonds between atoms")


def check_pairs(table: pa.Table, schema: pa.Schema, labels_may_be_null: bool = False) -> None:
    """Raise RuntimeError unless every record has an id and two molecules that RDKit reads."""
    table.validate(full=True)
    _promise(table.schema == schema, "schema")
    _promise(all(table["id"].to_pylist()), "ids")
    for side in ("a_smiles", "b_smiles"):
        _promise(all(Chem.MolFromSmiles(text) for text in set(table[side].to_pylist())), side)
    _finite_labels(table, labels_may_be_null)


def _finite_labels(table: pa.Table, may_be_null: bool) -> None:
    for field in table.schema:
        if pa.types.is_floating(field.type):
            labels = table[field.name]
            _promise(may_be_null or labels.null_count == 0, f"{field.name} everywhere")
            _promise(np.isfinite(labels.drop_null().to_numpy()).all(), f"finite {field.name}")


def _promise(kept: object, what: str) -> None:
    if not kept:
        raise RuntimeError(f"broken promise: {what}")
