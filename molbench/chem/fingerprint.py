"""Morgan fingerprints, packed 64 bits a word."""

from collections.abc import Iterable

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.rdBase import BlockLogs
from scipy.sparse import csr_array

BITS = 2048
RADIUS = 2
WORDS = BITS // 64


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
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    empty = bytes(BITS // 8)
    rows = []
    with BlockLogs():
        for text in smiles:
            molecule = Chem.MolFromSmiles(text) if text else None
            rows.append(
                DataStructs.BitVectToBinaryText(generator.GetFingerprint(molecule)) if molecule else empty
            )
    return np.frombuffer(b"".join(rows), dtype="<u8").astype(np.uint64).reshape(-1, WORDS)


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
