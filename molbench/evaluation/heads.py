"""The head that a protocol gives an encoder on a task."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.backbones.base import Backbone, GeometryBackbone, Representation, geometry_encoder
from molbench.backbones.heads.physical import DipoleHead, MomentHead, SpatialExtentHead
from molbench.backbones.heads.values import EnergyHead, Head, halving
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.joined_vectors import joined_vectors
from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.spec.protocol import HeadKind
from molbench.spec.units import factor

# Columns that physics has a head for, under the names of QM9, and the unit of the head.
_MOMENTS: dict[str, tuple[type[MomentHead], str]] = {
    "mu": (DipoleHead, "D"),
    "r2": (SpatialExtentHead, "a0²"),
}


class RecordHead(Head[Batch]):
    """Vectors of the molecules of a record, joined, to its values.

    Of one molecule, of a pair, of a pocket and its ligand as one molecule, of a ligand in two structures.

    Args:
        layers: Joined vectors to values.
        ordered: See :func:`~molbench.evaluation.joined_vectors.joined_vectors`.
    """

    def __init__(self, layers: nn.Module, ordered: bool = True) -> None:
        super().__init__()
        self.layers, self.ordered = layers, ordered

    def forward(self, representation: Representation, batch: Batch) -> Tensor:
        """Values, [R, outputs]."""
        values: Tensor = self.layers(joined(representation.graph, batch, self.ordered))
        return values


class ComplexHead(Head[MoleculeBatch]):
    """:class:`RecordHead` of two vectors a complex: means over the ligand's and over the pocket's atoms.

    Args:
        layers: Joined vectors to values.
        ordered: See :func:`~molbench.evaluation.joined_vectors.joined_vectors`.
    """

    def __init__(self, layers: nn.Module, ordered: bool = True) -> None:
        super().__init__()
        self.layers, self.ordered = layers, ordered

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Values, [R, outputs].

        Raises:
            ValueError: If the batch does not know its ligands.
        """
        vectors = ligand_and_pocket(representation.scalars, batch)
        values: Tensor = self.layers(joined(vectors, batch, self.ordered))
        return values


class PropertyHead(Head[MoleculeBatch]):
    """A head of the atoms as a model learns its values: ``(factor · value - offset) / scale``.

    Args:
        head: Representation and batch to values, [B].
        factor: From the head's unit to the labels'.
        offset: Of the labels.
        scale: Of the labels.
    """

    def __init__(
        self, head: Head[MoleculeBatch], factor: float = 1.0, offset: float = 0.0, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.head, self.vectors = head, head.vectors
        self.factor, self.offset, self.scale = factor, offset, scale

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Normalised values, [R, 1]."""
        values: Tensor = self.head(representation, batch)
        return ((self.factor * values - self.offset) / self.scale).unsqueeze(-1)


def joined(vectors: Tensor, batch: Batch, ordered: bool) -> Tensor:
    """Vectors of molecules, those of a record one after the other, to one vector a record."""
    return joined_vectors(vectors.reshape(batch.num_records, -1, vectors.shape[-1]), ordered)


def ligand_and_pocket(scalars: Tensor, batch: MoleculeBatch) -> Tensor:
    """Mean over the atoms of the ligand, and beside it over all others, [N, F] to [B, 2F].

    Zero where there are none.

    Raises:
        ValueError: If the batch does not know its ligands.
    """
    if batch.is_ligand is None:
        raise ValueError("ligands are told from pockets by is_ligand, which this batch has not")
    marks = torch.stack([batch.is_ligand, ~batch.is_ligand], dim=1).to(scalars.dtype)
    sums = sum_atoms(marks.unsqueeze(2) * scalars.unsqueeze(1), batch)
    return (sums / sum_atoms(marks, batch).clamp(min=1).unsqueeze(2)).flatten(1)


def value_head(kind: HeadKind, backbone: Backbone, data: TaskData) -> Head:
    """The head for values and spectra; see :class:`~molbench.spec.protocol.Protocol` for the kinds.

    Raises:
        UserError: If the kind does not fit the records.
    """
    ordered, inputs = data.store.ordered, backbone.vectors_per_record(data.store) * backbone.width
    if kind == "published" and (predictor := backbone.paper_head()) is not None:
        return RecordHead(predictor, ordered)
    if kind in ("standard", "published"):
        return RecordHead(halving(inputs, data.outputs), ordered)
    if kind == "linear":
        return RecordHead(nn.Linear(inputs, data.outputs), ordered)
    encoder = geometry_encoder(backbone, f"{data.task.id}: head '{kind}'")
    if kind == "complex":
        if "is_ligand" not in data.store.table.schema.names:
            raise UserError(f"{data.task.id}: head 'complex' needs complexes with a column 'is_ligand'")
        return ComplexHead(halving(2 * inputs, data.outputs), ordered)
    if data.store.molecules_per_record > 1 or data.outputs > 1:
        raise UserError(f"{data.task.id}: head '{kind}' gives one value to one molecule; use 'standard'")
    return _property_head(kind, encoder, data)


def energy_head(kind: HeadKind, backbone: GeometryBackbone) -> EnergyHead:
    """The head for forces: of atom scalars alone, but of vectors too where the kind is one of atoms."""
    return EnergyHead(backbone.width, backbone.vector_channels if kind in ("atomic", "physical") else 0)


def _property_head(kind: HeadKind, backbone: GeometryBackbone, data: TaskData) -> PropertyHead:
    target = data.task.task.target
    if kind == "atomic" or target not in _MOMENTS:
        return PropertyHead(energy_head(kind, backbone))
    moment, unit = _MOMENTS[target]
    try:
        to_labels = factor(unit, data.unit)
    except ValueError:
        raise UserError(
            f"{data.task.id}: head 'physical' takes '{target}' to be in a unit such as {unit}, not in "
            f"{data.unit}; use 'atomic'"
        ) from None
    head = moment(backbone.width, backbone.vector_channels)
    return PropertyHead(head, to_labels, float(data.offset), data.scale)
