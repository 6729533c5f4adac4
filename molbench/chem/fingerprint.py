"""Morgan fingerprints, as bits packed 64 a word or as counts, and a few descriptors."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Crippen import MolLogP, MolMR  # type: ignore[attr-defined]
from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]
from rdkit.rdBase import BlockLogs
from scipy.sparse import csr_array

BITS = 2048
RADIUS = 2
WORDS = BITS // 64

#: Size, lipophilicity, polarity, hydrogen bonds, flexibility and unsaturation.
DESCRIPTORS: dict[str, Callable[[Chem.Mol], float]] = {
    "heavy_atoms": Chem.Mol.GetNumHeavyAtoms,
    "mass": MolWt,
    "logp": MolLogP,
    "refractivity": MolMR,
    "polar_area": rdMolDescriptors.CalcTPSA,
    "donors": rdMolDescriptors.CalcNumHBD,
    "acceptors": rdMolDescriptors.CalcNumHBA,
    "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
    "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "sp3_share": rdMolDescriptors.CalcFractionCSP3,
}


def morgan(smiles: Iterable[str | None]) -> np.ndarray:
    """Morgan fingerprints of radius 2 folded to 2,048 bits.

    Args:
        smiles: One SMILES a molecule.

    Returns:
        Packed bits, [n, 32] uint64; a row without any bit where RDKit cannot read the SMILES, or there is
        none. Every molecule that can be read has at least one bit.

    References:
        Rogers and Hahn, Extended-connectivity fingerprints, J. Chem. Inf. Model. 50, 742 (2010).
    """
    return _packed(_read(smiles))


def bond_graph_morgan(keys: Iterable[str]) -> np.ndarray:
    """Morgan fingerprints of bond graphs without bond orders, as ``connectivity_key`` writes them.

    Hydrogens are counted at their atoms, which tells saturated from unsaturated ones.

    Args:
        keys: One bond graph a molecule.

    Returns:
        Packed bits, [n, 32] uint64, to be compared with others of bond graphs only.
    """
    with BlockLogs():  # of lone hydrogen atoms
        return _packed(map(_read_graph, keys))


def morgan_counts(smiles: Iterable[str | None]) -> np.ndarray:
    """How often each substructure of :func:`morgan` occurs, [n, 2048] uint8, at most 255."""
    molecules = [_described(text) for text in smiles]
    counts = np.zeros((len(molecules), BITS), dtype=np.uint8)
    for row, molecule in zip(counts, molecules, strict=True):
        row[molecule.bits] = molecule.counts
    return counts


def descriptors(smiles: Iterable[str | None]) -> np.ndarray:
    """The numbers named in ``DESCRIPTORS``, [n, 10] float32; NaN where RDKit cannot read the SMILES.

    References:
        Wildman and Crippen, J. Chem. Inf. Comput. Sci. 39, 868 (1999), for ``logp`` and ``refractivity``;
        Ertl, Rohde and Selzer, J. Med. Chem. 43, 3714 (2000), for ``polar_area``.
    """
    rows = [_described(text).descriptors for text in smiles]
    return np.array(rows, dtype=np.float32).reshape(-1, len(DESCRIPTORS))


class _Described(NamedTuple):
    bits: np.ndarray  # [b] uint16
    counts: np.ndarray  # [b] uint8
    descriptors: np.ndarray  # [10] float32


# Tasks and seeds ask for the same molecules again; one takes a millisecond and half a kilobyte.
@lru_cache(maxsize=1 << 17)
def _described(smiles: str | None) -> _Described:
    (molecule,) = _read([smiles])
    if molecule is None:
        return _Described(
            np.zeros(0, np.uint16), np.zeros(0, np.uint8), np.full(len(DESCRIPTORS), np.nan, np.float32)
        )
    counts = _generator().GetCountFingerprintAsNumPy(molecule)
    (bits,) = np.nonzero(counts)
    return _Described(
        bits.astype(np.uint16),
        np.minimum(counts[bits], 255).astype(np.uint8),
        np.array([function(molecule) for function in DESCRIPTORS.values()], dtype=np.float32),
    )


@cache
def _generator() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def _packed(molecules: Iterable[Chem.Mol | None]) -> np.ndarray:
    generator = _generator()
    empty = bytes(BITS // 8)
    rows = [
        DataStructs.BitVectToBinaryText(generator.GetFingerprint(molecule)) if molecule else empty
        for molecule in molecules
    ]
    return np.frombuffer(b"".join(rows), dtype="<u8").astype(np.uint64).reshape(-1, WORDS)


def _read_graph(key: str) -> Chem.Mol:
    """As it is written, no hydrogens filled in: chemistry would find fault with single bonds alone."""
    parameters: Any = Chem.SmilesParserParams()
    parameters.sanitize, parameters.removeHs = False, False
    whole = Chem.MolFromSmiles(key, parameters)
    for atom in whole.GetAtoms():
        atom.SetNoImplicit(True)
    molecule = Chem.RemoveHs(whole, sanitize=False)
    molecule.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(molecule)
    return molecule


def _read(smiles: Iterable[str | None]) -> Iterator[Chem.Mol | None]:
    with BlockLogs():
        for text in smiles:
            yield Chem.MolFromSmiles(text) if text else None


def bit_counts(packed: np.ndarray) -> np.ndarray:
    """Bits that are set, [n] int64."""
    counts: np.ndarray = np.bitwise_count(packed).sum(axis=1, dtype=np.int64)
    return counts


def unpack(packed: np.ndarray) -> np.ndarray:
    """One byte a bit, [n, 2048] uint8 of 0 and 1."""
    return np.unpackbits(packed.astype("<u8").view(np.uint8), axis=1, bitorder="little")


def sparse(packed: np.ndarray) -> csr_array:
    """The bits as a sparse matrix, [n, 2048] float32."""
    rows, columns = np.nonzero(unpack(packed))
    starts = np.zeros(len(packed) + 1, dtype=np.int64)
    np.cumsum(bit_counts(packed), out=starts[1:])
    return csr_array(
        (np.ones(rows.size, dtype=np.float32), columns, starts),
        shape=(len(packed), BITS),
    )
