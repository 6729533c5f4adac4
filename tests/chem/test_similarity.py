"""Fingerprints and similarities against RDKit, clusters against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molbench.chem import similarity
from molbench.chem.fingerprint import bit_counts, morgan, sparse, unpack
from molbench.chem.similarity import components, nearest, tanimoto

SMILES = [
    "CCO",
    "c1ccccc1O",
    "CC(=O)Nc1ccc(O)cc1",
    "C",
    "nonsense",
    None,
    "OCC",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
]


def test_fingerprints_are_rdkits() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    packed = morgan(SMILES)
    assert packed.shape == (8, 32) and packed.dtype == np.uint64
    for text, row in zip(SMILES, packed, strict=True):
        bits = np.flatnonzero(unpack(row[None])[0]).tolist()
        if text in {None, "nonsense"}:
            assert bits == []
        else:
            expected = generator.GetFingerprint(Chem.MolFromSmiles(text))
            assert bits == list(expected.GetOnBits())
    assert (sparse(packed).toarray() == unpack(packed)).all()
    assert bit_counts(packed).tolist() == unpack(packed).sum(axis=1).tolist()
    assert morgan([]).shape == (0, 32)


def test_similarities_are_rdkits() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    texts = [text for text in SMILES if text not in {None, "nonsense"}]
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in texts]
    expected = np.array([DataStructs.BulkTanimotoSimilarity(a, prints) for a in prints])
    actual = tanimoto(morgan(texts), morgan(texts))
    assert abs(actual - expected).max() < 1e-6
    assert (tanimoto(morgan(["C"]), morgan([None])) == 0).all()
    assert (tanimoto(morgan([None]), morgan([None])) == 0).all()


@st.composite
def fingerprints(draw: st.DrawFn, most: int = 60) -> np.ndarray:
    """Few bits of many, in related families, so that every similarity occurs."""
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    families = rng.random((4, 2048)) < 0.01
    bits = families[rng.integers(0, 4, n)] ^ (rng.random((n, 2048)) < draw(st.sampled_from([0, 1e-3, 5e-3])))
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)


@settings(deadline=None, max_examples=40)
@given(
    packed=fingerprints(),
    threshold=st.sampled_from([0.2, 0.5, 0.8, 0.9, 1.0]),
    rows=st.sampled_from([3, 512]),
)
def test_clusters_are_the_connected_components(packed: np.ndarray, threshold: float, rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_ROWS", rows)
        patch.setattr(similarity, "_COLUMNS", 2 * rows)
        patch.setattr(similarity, "_EDGES", 5)
        actual = components(packed, threshold)
    bits = unpack(packed).astype(int)
    shared = bits @ bits.T
    total = bits.sum(1)[:, None] + bits.sum(1) - shared
    joined = (shared * 1000 >= round(threshold * 1000) * total) & (shared > 0)
    expected = np.arange(len(packed))
    for _ in range(len(packed)):
        expected = np.where(joined | np.eye(len(packed), dtype=bool), expected, len(packed)).min(axis=1)
    assert actual.tolist() == np.unique(expected, return_inverse=True)[1].tolist()


@settings(deadline=None, max_examples=30)
@given(a=fingerprints(30), b=fingerprints(30))
def test_nearest_is_the_largest_of_all(a: np.ndarray, b: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_ROWS", 7)
        patch.setattr(similarity, "_COLUMNS", 5)
        actual = nearest(a, b)
    assert abs(actual - tanimoto(a, b).max(axis=1)).max() < 1e-7
    assert nearest(a, b[:0]).tolist() == [0.0] * len(a)
