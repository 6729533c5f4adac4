"""The process that ``mol_process`` starts: reads binary molecules of RDKit one after the other.

Request: length (4 bytes) and the molecule. Reply: a status, three counts, and what they count.
"""

import resource
import struct
import sys
from functools import lru_cache

import numpy as np
from rdkit import Chem, RDLogger

REPLY = struct.Struct("<BIII")
_MEMORY = 8 << 30
_MAX_ATOMS = 65_535
_ORDERS = {
    Chem.BondType.SINGLE: 1,
    Chem.BondType.DOUBLE: 2,
    Chem.BondType.TRIPLE: 3,
    Chem.BondType.AROMATIC: 4,
}


def main() -> None:
    """Answer until the input ends."""
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while size := source.read(4):
        data = source.read(int.from_bytes(size, "little"))
        try:
            reply = _answer(Chem.Mol(data))  # type: ignore[arg-type]  # RDKit's stub lacks bytes
        except Exception as error:  # noqa: BLE001 - RDKit raises several kinds, one of them unnamed
            text = f"{type(error).__name__}: {str(error)[:200]}".encode()
            reply = REPLY.pack(1, 0, 0, len(text)) + text
        target.write(reply)
        target.flush()


def _answer(molecule: Chem.Mol) -> bytes:
    if molecule.GetNumConformers() != 1:
        raise ValueError(f"{molecule.GetNumConformers()} sets of coordinates instead of one")
    atoms = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    if not 0 < len(atoms) <= _MAX_ATOMS or min(atoms) < 1 or max(atoms) > 118:
        raise ValueError("no atoms, too many, or some that are no element")
    pairs, orders = [], []
    for bond in molecule.GetBonds():
        pairs.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        if bond.GetBondType() not in _ORDERS:
            raise ValueError(f"a bond of type {bond.GetBondType()}")
        orders.append(_ORDERS[bond.GetBondType()])
    graph = np.array(pairs, dtype=np.uint16).tobytes() + bytes(orders)
    name = _constitution(_Graph(bytes(atoms) + graph, molecule)).encode()
    positions: bytes = molecule.GetConformer().GetPositions().astype(np.float64).tobytes()
    return REPLY.pack(0, len(atoms), len(orders), len(name)) + bytes(atoms) + positions + graph + name


class _Graph:
    """A molecule that is equal to every other one of the same atoms and bonds in the same order."""

    def __init__(self, key: bytes, molecule: Chem.Mol) -> None:
        self.key, self.molecule = key, molecule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Graph) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=16)
def _constitution(graph: _Graph) -> str:
    """Canonical SMILES without hydrogens and stereochemistry; conformers of a molecule mostly share it."""
    return str(Chem.MolToSmiles(Chem.RemoveHs(graph.molecule), isomericSmiles=False))


if __name__ == "__main__":
    main()
