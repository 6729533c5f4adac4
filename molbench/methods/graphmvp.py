"""GraphMVP: agree with an encoder of the molecular graph, by contrast and by reconstruction.

Liu et al., ICLR 2022 (arXiv 2110.07728), as 3D-EMGP (arXiv 2207.08824) implements it anew: the encoder of the
conformation against a graph isomorphism network on elements and bonds. Contrast: noise-contrastive estimation
of cosines over a temperature, the next molecule in the batch being the false partner. Reconstruction: a
variational autoencoder from either vector to the other, which is not differentiated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.parts.contrast import against_next
from molbench.methods.parts.draws import normal
from molbench.methods.parts.layers import Decoder
from molbench.methods.parts.topology import TopologyEncoder
from molbench.methods.parts.views import with_bonds


@dataclass(frozen=True)
class GraphMVPConfig:
    """Settings of :class:`GraphMVP`; the last is a bug of 3D-EMGP's release.

    Attributes:
        temperature: What the cosines are divided by.
        layers: Layers of the graph's encoder.
        beta: Weight of the divergence from the prior in the reconstruction.
        contrast_with_reconstruction: Whether the reconstruction of the graph's vector from the conformation's
            stands in the place of the contrast in that direction.
    """

    temperature: PositiveFloat = 0.1
    layers: PositiveInt = 5
    beta: NonNegativeFloat = 1.0
    contrast_with_reconstruction: bool = False


class Reconstruction(nn.Module):
    """Variational autoencoder from one molecule vector to another.

    Args:
        width: Features of a molecule, F.
        beta: Weight of the divergence from the prior.
    """

    def __init__(self, width: int, beta: float) -> None:
        super().__init__()
        self.mean, self.log_variance = nn.Linear(width, width), nn.Linear(width, width)
        self.decoder = Decoder(width)
        self.beta = beta

    def forward(self, vectors: Tensor, target: Tensor, noise: Tensor) -> Tensor:
        """Loss of reconstructing the target from the vectors with standard normal noise, all [B, F]."""
        mean, log_variance = self.mean(vectors), self.log_variance(vectors)
        decoded = self.decoder(mean + noise * (0.5 * log_variance).exp())
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        total: Tensor = mse_loss(decoded, target.detach()) + self.beta * divergence
        return total


class GraphMVP(Method[GraphMVPConfig, Tensor]):
    r"""Contrast and reconstruction between conformation and graph.

    Equation:
        \mathcal L = \frac{1}{2} \left( C(q, g) + C(g, q) + R(q \to g) + R(g \to q) \right), \qquad q_m
            \text{ of the graph}
        C(a, b) = -\frac{1}{2} \left\langle \log \varsigma\left( \frac{\cos(a_m, b_m)}{\tau} \right) +
            \log \varsigma\left( -\frac{\cos(a_m, b_n)}{\tau} \right) \right\rangle
        R(a \to b) = \frac{1}{F} \left\langle \lVert D(\mu + \epsilon\, e^{\lambda / 2}) - \overline{b}
            \rVert^2 \right\rangle + \frac{\beta}{2} \left\langle \sum (\mu^2 + e^{\lambda} - 1 - \lambda)
            \right\rangle, \qquad \mu, \lambda \text{ linear in } a

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "graphmvp"

    def __init__(self, backbone: GeometryBackbone, config: GraphMVPConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.topology = TopologyEncoder("gin", backbone.width, config.layers)
        self.to_shape = Reconstruction(backbone.width, config.beta)
        self.to_graph = Reconstruction(backbone.width, config.beta)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Standard normal noise of both autoencoders, [2, B, F]."""
        return normal(generator, batch.positions, 2, batch.num_graphs, self.backbone.width)

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs both parts."""
        batch = with_bonds(batch)
        graph, shape = self.topology(batch), mean_atoms(self.backbone(batch).scalars, batch)
        to_shape, to_graph = self.to_shape(graph, shape, draws[0]), self.to_graph(shape, graph, draws[1])
        there, back = self.contrast(graph, shape), self.contrast(shape, graph)
        if self.config.contrast_with_reconstruction:
            back = to_graph
        contrast, reconstruction = (there + back) / 2, (to_shape + to_graph) / 2
        parts = {"contrast": contrast.detach(), "reconstruction": reconstruction.detach()}
        return contrast + reconstruction, parts

    def contrast(self, first: Tensor, second: Tensor) -> Tensor:
        """Loss of telling each row's partner from that of the next, [B, F] each."""
        first, second = normalize(first, dim=1) / self.config.temperature, normalize(second, dim=1)
        loss, _ = against_next((first * second).sum(1), (first * second.roll(-1, 0)).sum(1))
        return loss / 2
