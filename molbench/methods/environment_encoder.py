"""SchNet on virtual environments, as 3DMRL uses it: it knows whose atoms they are, not which elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from molbench.backbones.layers import cosine_envelope
from molbench.backbones.schnet import Interaction, SchNet, SchNetConfig, shifted_softplus
from molbench.graph.batch import Batch
from molbench.graph.convolution import convolve
from molbench.graph.neighbors import EdgeList, radius_edges
from molbench.methods.environment import Environment


class EnvironmentEncoder(nn.Module):
    """Environments to vectors, the mean over their solute atoms.

    Most edges are within copies, which are rigid: their filters depend on the solvent alone and are computed
    once for all its copies. The last block is only computed where it is looked at, on the solute. With a cap
    on the neighbours copies are no longer alike, and SchNet is used as it is.

    Args:
        config: Of the SchNet.
        copies: Copies of a solvent at most, n.
    """

    def __init__(self, config: SchNetConfig, copies: int) -> None:
        super().__init__()
        self.copies = copies
        self.schnet = SchNet(config)

    def forward(self, environment: Environment, b: Batch) -> Tensor:
        """Vectors of environments, [R, F].

        Args:
            environment: With the solvents of b.
            b: Conformers of the solvents.
        """
        if self.schnet.config.max_neighbors is not None or not self.copies:
            return self.plainly(environment)
        schnet, batch, solute = self.schnet, environment.batch(), environment.is_solute
        split = _Split.of(environment, batch, b, schnet.config.cutoff)
        x = schnet.embedding(batch.atomic_numbers)
        *blocks, last = cast(list[Interaction], list(schnet.interactions))
        within, between = self._edge_features(split.within, b), self._edge_features(split.between, batch)
        place = environment.origin * self.copies + environment.slot
        for block in blocks:
            sent = block.atom_in(x)
            received = convolve(split.between, sent, _filters(block, *between))
            copies = sent.new_zeros(b.num_atoms * self.copies, sent.shape[1])
            copies = copies.index_copy(0, place, sent[environment.placed]).view(b.num_atoms, self.copies, -1)
            inside = convolve(split.within, copies, _filters(block, *within)).flatten(0, 1)[place]
            received = received.index_add(0, environment.placed, inside)
            x = x + block.update(shifted_softplus(block.atom_out(received)))
        near = solute[split.between.source] | solute[split.between.target]
        edges = EdgeList(split.between.source[near], split.between.target[near], symmetric=True)
        filters = _filters(last, *(feature[near] for feature in between))
        received = convolve(edges, last.atom_in(x), filters)[solute]
        x = x[solute] + last.update(shifted_softplus(last.atom_out(received)))
        return _mean(schnet.output_out(shifted_softplus(schnet.output_in(x))), batch.molecule[solute], batch)

    def plainly(self, environment: Environment) -> Tensor:
        """:meth:`forward` in so many words."""
        batch, solute = environment.batch(), environment.is_solute
        return _mean(self.schnet(batch).scalars[solute], batch.molecule[solute], batch)

    def _edge_features(self, edges: EdgeList, batch: Batch) -> tuple[Tensor, Tensor]:
        distances = edges.distances(batch.positions)
        envelope = cosine_envelope(distances, self.schnet.config.cutoff)
        return self.schnet.basis(distances), envelope.unsqueeze(-1)


@dataclass(frozen=True, eq=False)
class _Split:
    """Neighbours of an environment.

    Attributes:
        within: Those within a copy, as atoms of the solvents.
        between: All others, as atoms of the environments.
    """

    within: EdgeList
    between: EdgeList

    @classmethod
    def of(cls, environment: Environment, batch: Batch, b: Batch, cutoff: float) -> _Split:
        found = radius_edges(batch, cutoff)
        # The anchor of a placed atom names its copy.
        copy = torch.full_like(batch.molecule, -1).index_copy(0, environment.placed, environment.anchor)
        of_source, of_target = copy[found.source], copy[found.target]
        between = (of_source != of_target) | (of_source < 0)
        edges = EdgeList(found.source[between], found.target[between], symmetric=True)
        return cls(radius_edges(b, cutoff), edges)


def _filters(block: Interaction, basis: Tensor, envelope: Tensor) -> Tensor:
    filters: Tensor = block.filter_out(shifted_softplus(block.filter_in(basis))) * envelope
    return filters


def _mean(values: Tensor, molecule: Tensor, batch: Batch) -> Tensor:
    """Mean over the solute atoms of each environment, [R, F]."""
    total = values.new_zeros(batch.num_graphs, values.shape[1]).index_add(0, molecule, values)
    counts = torch.bincount(molecule, minlength=batch.num_graphs).clamp(min=1)
    return total / counts.unsqueeze(-1)
