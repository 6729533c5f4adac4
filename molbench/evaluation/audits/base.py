"""What an audit is given, and what it says: one number a record, zero where nothing is amiss."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from molbench.backbones.base import Backbone, Representation
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.pairs import PairBatch

if TYPE_CHECKING:
    from molbench.data.read.store import Store


@dataclass(frozen=True, eq=False)
class Subject:
    """An encoder and the records that it is asked about.

    Attributes:
        encoder: In double precision, on the CPU, in evaluation mode.
        batch: The records, in double precision.
        smiles: Of each molecule, where molecules are encoded one by one.
    """

    encoder: Backbone
    batch: Batch
    smiles: tuple[str, ...] = ()

    @classmethod
    def of(cls, backbone: Backbone, store: Store, rows: np.ndarray) -> Subject:
        """A copy of an encoder, with some records of a store."""
        encoder = copy.deepcopy(backbone).cpu().double().eval()
        batch = encoder.reader(store).batch(rows).to("cpu", torch.float64)
        smiles: tuple[str, ...] = ()
        if isinstance(batch, MoleculeBatch):
            batch = MoleculeBatch(batch.atomic_numbers, batch.positions.double(), batch.ptr)
            if "smiles" in store.table.schema.names:
                smiles = tuple(store.column("smiles").take(rows).to_pylist())
        return cls(encoder, batch, smiles)

    @property
    def molecules(self) -> MoleculeBatch:
        """The records, where they are molecules."""
        if not isinstance(self.batch, MoleculeBatch):
            raise NotApplicableError("it is an audit of encoders of molecules")
        return self.batch

    @property
    def pairs(self) -> PairBatch:
        """The records, where they are pairs."""
        if not isinstance(self.batch, PairBatch):
            raise NotApplicableError("it is an audit of encoders of pairs")
        return self.batch

    @cached_property
    def before(self) -> Representation:
        """What the encoder says of the records as they are."""
        return self.encode(self.batch)

    def encode(self, batch: Batch) -> Representation:
        """Features without gradients, whatever is random drawn from one seed."""
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.encoder(batch, vectors=True)

    def single(self) -> Subject:
        """The same in single precision."""
        encoder = copy.deepcopy(self.encoder).float()
        return replace(self, encoder=encoder, batch=self.batch.to("cpu", torch.float32))


Measure = Callable[[Subject], np.ndarray]


@dataclass(frozen=True)
class EncoderAudit:
    """One audit; what is declared of it is in ``datasets/audits.yaml``.

    Attributes:
        name: Behind ``audit/`` in its id.
        measure: Subject to one number a record, [B].
    """

    name: str
    measure: Measure


def audit(name: str) -> Callable[[Measure], EncoderAudit]:
    """Make an audit of the function below; see :class:`EncoderAudit`."""
    return lambda measure: EncoderAudit(name, measure)


def per_record(after: Tensor, before: Tensor) -> np.ndarray:
    """Size of the change of each row as a share of its size, [B]."""
    change = (after - before).flatten(1).norm(dim=1)
    shares: np.ndarray = (change / before.flatten(1).norm(dim=1).clamp(min=1e-12)).double().numpy()
    return shares


def per_atom(after: Tensor, before: Tensor, owner: Tensor, count: int) -> np.ndarray:
    """Largest change of an atom's features in each record, as a share of an atom's typical size, [B]."""
    scale = before.flatten(1).norm(dim=1).mean().clamp(min=1e-12)
    change = (after - before).flatten(1).norm(dim=1) / scale
    largest: np.ndarray = change.new_zeros(count).scatter_reduce(0, owner, change, "amax").numpy()
    return largest


def largest_changes(
    subject: Subject, after: Representation, turned: Tensor | None = None, owner: Tensor | None = None
) -> np.ndarray:
    """Largest of the changes of a record's vector, of its atoms' scalars, and of their vectors, [B].

    Args:
        subject: Gives what was before.
        after: What the encoder says of changed records.
        turned: What vectors of atoms should be.
        owner: Record of each atom, [N]; None for those of molecules.
    """
    before, count = subject.before, subject.batch.num_records
    owner = subject.molecules.molecule if owner is None else owner
    worst: np.ndarray = np.maximum(
        per_record(after.graph, before.graph), per_atom(after.scalars, before.scalars, owner, count)
    )
    if after.vectors is not None and turned is not None:
        worst = np.maximum(worst, per_atom(after.vectors, turned, owner, count))
    return worst
