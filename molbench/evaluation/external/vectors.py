"""Vectors of all records of a dataset from a model of somebody else's."""

from __future__ import annotations

import time

import numpy as np
import torch

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.embedding import Embedding
from molbench.evaluation.external.encoder import Encoder, checked
from molbench.evaluation.external.molecules import StoreMolecules
from molbench.evaluation.external.standalone import Molecule
from molbench.evaluation.joined_vectors import joined_vectors


def embed_external(encoder: Encoder, store: Store, batch_size: int) -> Embedding:
    """Encode every different molecule of a store once, or the two of every record together.

    Raises:
        NotApplicableError: If the model does not support one of them.
        UserError: If the model fails, or gives no finite vector for one.
    """
    started = time.perf_counter()
    refuse_unsupported(encoder, store)
    molecules, parts = StoreMolecules(store), list[np.ndarray]()
    rows = encoded_rows(encoder, store)
    for start in range(0, len(rows), batch_size):
        asked = rows[start : start + batch_size].ravel().tolist()
        parts.append(checked(encoder, [molecules[row] for row in asked]))
        if parts[-1].shape[1] != parts[0].shape[1]:
            raise UserError(
                f"model '{encoder.name}' gives vectors of {parts[0].shape[1]} numbers and then of "
                f"{parts[-1].shape[1]}"
            )
    vectors = torch.from_numpy(np.concatenate(parts).astype(np.float32))
    if not encoder.of_pairs:
        vectors = joined_vectors(vectors[torch.from_numpy(store.atom_index.index)], store.ordered)
    return Embedding(vectors.numpy(), time.perf_counter() - started)


def encoded_rows(encoder: Encoder, store: Store) -> np.ndarray:
    """What a model is asked for: each different molecule once, [m, 1], or both of each record, [n, 2]."""
    if encoder.of_pairs:
        return store.atom_index.index
    return np.arange(len(store.atom_index.distinct.starts))[:, None]


def refuse_unsupported(encoder: Encoder, store: Store, *, neutral: bool = False) -> None:
    """Look at all molecules before the model is asked for one.

    Args:
        encoder: The model.
        store: The records.
        neutral: Whether charges and unpaired electrons are none for it, whatever it says.

    Raises:
        NotApplicableError: Naming the first that it does not support.
    """
    for molecule in StoreMolecules(store):
        if why := _unsupported(encoder, molecule, neutral):
            raise NotApplicableError(why)


def _unsupported(encoder: Encoder, molecule: Molecule, neutral: bool) -> str | None:
    if encoder.reads == "geometry" and not molecule.atomic_numbers.size:
        return f"the conformation of '{molecule.id}' is unknown, and the model reads geometries"
    if encoder.reads == "smiles" and not molecule.smiles:
        return f"the SMILES of '{molecule.id}' is unknown, and the model reads SMILES"
    if neutral and (molecule.charge or molecule.multiplicity > 1):
        return f"'{molecule.id}' is charged or has unpaired electrons, of which gradients are not told"
    return encoder.limits.exceeded(molecule)
