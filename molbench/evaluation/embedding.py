"""Molecule vectors of a frozen backbone: computed once for a dataset, shared by its targets and seeds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

import molbench
from molbench.atomic import replace_file
from molbench.backbones.base import Backbone
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.joined_vectors import joined_vectors
from molbench.paths import home

_BATCH = 128


@dataclass(frozen=True, eq=False)
class Embedding:
    """Vectors of all records of a store.

    Attributes:
        features: One row a record, [n, F] float32.
        seconds: Time it took to compute them.
    """

    features: np.ndarray
    seconds: float

    @property
    def molecules_per_second(self) -> float:
        """Throughput of the backbone."""
        return len(self.features) / self.seconds if self.seconds else 0.0


def embed_store(backbone: Backbone, store: Store, device: torch.device) -> Embedding:
    """Encode every record of a store; a molecule that many pairs share is encoded once.

    Raises:
        UserError: If the backbone gives values that are not finite.
    """
    started = time.perf_counter()
    backbone = backbone.to(device).eval()
    batches, places = backbone.distinct(store, _BATCH)
    with torch.no_grad():
        graph = torch.cat([backbone(batch.to(device)).graph.float().cpu() for batch in batches])
    features = joined_vectors(graph[torch.from_numpy(places)], store.ordered).numpy()
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise UserError(f"backbone '{backbone.name}' gives no finite vector for '{store.ids[row]}'")
    return Embedding(features, time.perf_counter() - started)


def cached_embedding(
    encoder_digest: str, backbone: Backbone, store: Store, device: torch.device
) -> Embedding:
    """What :func:`embed_store` gives, kept below ``$MOLBENCH_HOME`` by encoder, records and code."""
    name = sha256(
        f"{encoder_digest} {store.digest} {molbench.__version__} {EVALUATION_VERSION}".encode()
    ).hexdigest()
    path = home() / "embeddings" / f"{name}.npz"
    cached = read_embedding(path)
    if cached is not None and cached.features.shape == (
        len(store),
        backbone.vectors_per_record(store) * backbone.width,
    ):
        return cached
    embedding = embed_store(backbone, store, device)
    keep_embedding(embedding, path)
    return embedding


def keep_embedding(embedding: Embedding, path: Path) -> None:
    """Write an embedding where :func:`read_embedding` finds it."""
    seconds = np.array(embedding.seconds)
    checksum = np.array(_checksum(embedding.features, path))
    with replace_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, features=embedding.features, seconds=seconds, checksum=checksum)


def read_embedding(path: Path) -> Embedding | None:
    """An embedding that was kept, or None where there is none that is whole."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            features = stored["features"]
            whole = str(stored["checksum"]) == _checksum(features, path)
            return Embedding(features, float(stored["seconds"])) if whole else None
    except Exception:  # noqa: BLE001 - absent or damaged, whatever NumPy's reader makes of it: it is only a cache
        return None


def _checksum(features: np.ndarray, path: Path) -> str:
    """Of vectors in the file that belongs to them: those of other records are none of its own."""
    digest = sha256(f"{path.stem} {features.dtype} {features.shape} ".encode())
    digest.update(np.ascontiguousarray(features).data)
    return digest.hexdigest()
