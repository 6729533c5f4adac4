"""Vectors that were kept are read as they were written, or not at all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from molbench.evaluation.embedding import Embedding, keep_embedding, read_embedding

FEATURES = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embeddings") / "mine.npz"
    keep_embedding(Embedding(FEATURES, 0.5), path)
    return path


def test_a_round_trip(kept: Path) -> None:
    embedding = read_embedding(kept)
    assert embedding is not None and embedding.seconds == 0.5
    np.testing.assert_array_equal(embedding.features, FEATURES)


def test_rows_in_another_order_or_of_another_file_are_no_vectors_of_it(kept: Path, tmp_path: Path) -> None:
    with np.load(kept) as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "mine.npz", **(arrays | {"features": FEATURES[::-1]}))
    assert read_embedding(tmp_path / "mine.npz") is None
    (tmp_path / "other.npz").write_bytes(kept.read_bytes())
    assert read_embedding(tmp_path / "other.npz") is None
    assert read_embedding(tmp_path / "absent.npz") is None


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_noticed_or_harmless(kept: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(kept.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "mine.npz").write_bytes(content)
    embedding = read_embedding(tmp_path / "mine.npz")
    assert embedding is None or (embedding.features == FEATURES).all()
