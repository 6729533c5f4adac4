"""The prefix filter finds what comparing every pair finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.chem.fingerprint import morgan, unpack
from molbench.data.leakage import similarity_search
from molbench.data.leakage.similarity_search import SimilaritySearch


@st.composite
def related(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of fingerprints, each a parent with some bits flipped."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    density = draw(st.sampled_from([0.002, 0.01, 0.03]))
    parents = rng.random((5, 2048)) < density
    sets = []
    for _ in range(2):
        n = draw(st.integers(1, 40))
        flips = rng.random((n, 2048)) < rng.choice([0, 2e-4, 1e-3], size=(n, 1))
        sets.append(np.packbits(parents[rng.integers(0, 5, n)] ^ flips, axis=1, bitorder="little").view("u8"))
    return sets[0], sets[1]


@settings(deadline=None, max_examples=50)
@given(sets=related(), threshold=st.sampled_from([0.5, 0.7, 0.8, 0.9, 0.95, 1.0]))
def test_same_as_every_pair(sets: tuple[np.ndarray, np.ndarray], threshold: float) -> None:
    mine, corpus = sets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_search, "_ROWS", 7)
        patch.setattr(similarity_search, "_PAIRS", 5)
        search = SimilaritySearch(mine, threshold)
        search.look_up(corpus)
    a, b = unpack(mine).astype(int), unpack(corpus).astype(int)
    shared = a @ b.T
    together = a.sum(1)[:, None] + b.sum(1) - shared
    expected = ((shared * 100 >= round(threshold * 100) * together) & (shared > 0)).any(axis=1)
    assert search.similar.tolist() == expected.tolist()
    assert search.compared <= len(mine) * len(corpus)


def test_chunks_add_up_and_most_pairs_are_never_compared() -> None:
    smiles = [f"{'C' * i}{tail}" for i in range(1, 41) for tail in ("O", "N", "c1ccccc1", "C(=O)O", "Br")]
    packed = morgan(smiles)
    whole, pieces = SimilaritySearch(packed[::2], 0.9), SimilaritySearch(packed[::2], 0.9)
    whole.look_up(packed[1::2])
    for start in range(0, 100, 9):
        pieces.look_up(packed[1::2][start : start + 9])
    assert (whole.similar == pieces.similar).all() and whole.similar.any()
    assert whole.compared < 0.3 * 100 * 100


def test_nothing_is_like_a_molecule_that_cannot_be_read() -> None:
    search = SimilaritySearch(morgan([None, "CCO"]), 0.9)
    search.look_up(morgan([None, "OCC"]))
    assert search.similar.tolist() == [False, True]
