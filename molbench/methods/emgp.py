"""3D-EMGP: an energy model pretrained to undo noise by its forces, and to tell how strong the noise was.

Jiao et al., AAAI 2023 (arXiv 2207.08824), in the form of its release (github.com/jiaor17/3D-EMGP, 1e5ec970).
EFP, equivariant force prediction: every molecule is perturbed at one of 50 levels, and the negative gradient
of an energy learned on top of the encoder is compared with the pull of the Riemann-Gaussian, divided by the
level's standard deviation; the squared error is summed over a molecule. INP, invariant noise-scale
prediction: a classifier names the level from the molecule vectors of both conformations, clean and perturbed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.methods.base import Method
from molbench.methods.parts.displacement import DisplacementHead
from molbench.methods.parts.draws import integers, normal
from molbench.methods.parts.layers import two_layers
from molbench.methods.parts.riemann import Noise, align, force_target, perturb
from molbench.methods.parts.views import bare, encode_views, with_bonds


@dataclass(frozen=True)
class EMGPConfig:
    """Settings of :class:`EMGP`; the paper's ablations are among them.

    Attributes:
        noise: ``riemann``; ``gaussian``: the target is the way back to the clean positions; ``kabsch``: the
            same, once the perturbed molecule has been moved onto the clean one.
        force: ``gradient``: of the energy. ``direct``: the encoder's displacements over σ.
        steps: Langevin steps of the perturbation, for ``riemann``.
        sigma_begin: Strongest noise, Å.
        sigma_end: Weakest noise, Å.
        levels: Number of noise levels, a geometric sequence.
        efp_weight: Weight of the force loss; 0 leaves it out.
        inp_weight: Weight of the noise-level loss; 0 leaves it out.
    """

    noise: Noise = "riemann"
    force: Literal["gradient", "direct"] = "gradient"
    steps: PositiveInt = 1
    sigma_begin: PositiveFloat = 10.0
    sigma_end: PositiveFloat = 0.01
    levels: PositiveInt = 50
    efp_weight: NonNegativeFloat = 1.0
    inp_weight: NonNegativeFloat = 0.2


@dataclass(frozen=True, eq=False)
class EMGPDraws:
    """Every random number of one loss.

    Attributes:
        levels: Noise level of each molecule, [B] int64.
        noise: Standard normal noise of each step, [steps, N, 3].
    """

    levels: Tensor
    noise: Tensor


class EMGP(Method[EMGPConfig, EMGPDraws]):
    r"""Energy-motivated pretraining.

    Equation:
        \mathcal L = \lambda_{\text{EFP}} \left\langle \sum_i \left\lVert -\frac{\partial \hat E(\tilde
            x)}{\partial \tilde x_i} - \frac{F_i}{\sigma_l} \right\rVert^2 \right\rangle -
            \lambda_{\text{INP}} \left\langle \log p\left(l \mid g(x), g(\tilde x)\right) \right\rangle
        F = -2\, \frac{\tilde X \tilde X^\top \tilde X - X X^\top \tilde X}{\lVert \tilde X^\top \tilde
            X \rVert + \lVert X^\top \tilde X \rVert}

    Args:
        backbone: Encoder whose atom scalars are used, and for direct forces its vectors.
        config: Settings.
    """

    name = "emgp"
    sigmas: Tensor

    def __init__(self, backbone: GeometryBackbone, config: EMGPConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        first, last = math.log(config.sigma_begin), math.log(config.sigma_end)
        sigmas = torch.linspace(first, last, config.levels, dtype=torch.float64).exp()
        self.register_buffer("sigmas", sigmas.float(), persistent=False)
        width = backbone.width
        self.atoms = two_layers(width, width, width)
        if config.efp_weight and config.force == "gradient":
            self.energy = two_layers(width, width, 1)
        elif config.efp_weight:
            self.displacement = DisplacementHead(backbone)
        if config.inp_weight:
            self.level = two_layers(2 * width, width, config.levels)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> EMGPDraws:
        """All random numbers for one batch, on its device."""
        steps = self.config.steps if self.config.noise == "riemann" else 1
        levels = integers(generator, self.config.levels, batch.ptr.device, batch.num_graphs)
        return EMGPDraws(levels, normal(generator, batch.positions, steps, batch.num_atoms, 3))

    def loss_given(self, batch: MoleculeBatch, draws: EMGPDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs both losses unweighted."""
        clean = bare(with_bonds(batch))
        sigma = self.sigmas.to(batch.positions.dtype)[draws.levels][batch.molecule].unsqueeze(-1)
        noisy, target = self.perturbed(clean, sigma, draws.noise)
        parts = {}
        first, second, force = self._encode(clean, noisy, sigma)
        if force is not None:
            parts["efp"] = (force - target / sigma).square().sum() / batch.num_graphs
        if first is not None:
            scores = self.level(torch.cat([first, second], dim=-1))
            parts["inp"] = nn.functional.cross_entropy(scores, draws.levels)
        weights = {"efp": self.config.efp_weight, "inp": self.config.inp_weight}
        total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}

    def perturbed(self, clean: MoleculeBatch, sigma: Tensor, noise: Tensor) -> tuple[MoleculeBatch, Tensor]:
        """Perturbed molecules, and the displacement asked of each atom in Å, [N, 3]."""
        positions = perturb(clean, sigma, noise)
        if self.config.noise == "riemann":
            return clean.replace(positions=positions), force_target(positions, clean)
        if self.config.noise == "kabsch":
            positions = align(positions, clean)
        return clean.replace(positions=positions), clean.positions - positions

    def _encode(
        self, clean: MoleculeBatch, noisy: MoleculeBatch, sigma: Tensor
    ) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Molecule vectors of both conformations [B, F], and forces [N, 3]; None where not wanted."""
        config = self.config
        if config.efp_weight and config.force == "gradient":
            # Not in one pass: a backward pass inside the loss costs twice the forward, and only one needs it.
            positions = noisy.positions.requires_grad_()
            second = self._graph(self.backbone(noisy.replace(positions=positions)), noisy)
            (gradient,) = torch.autograd.grad(self.energy(second).sum(), positions, create_graph=True)
            return self._graph(self.backbone(clean), clean) if config.inp_weight else None, second, -gradient
        vectors = bool(config.efp_weight)
        if not config.inp_weight:
            encoded = self.backbone(noisy, vectors=vectors)
            return None, encoded.graph, self.displacement(encoded, noisy) / sigma
        encoded, other = encode_views(self.backbone, clean, noisy, vectors=vectors)
        force = self.displacement(other, noisy) / sigma if vectors else None
        return self._graph(encoded, clean), self._graph(other, noisy), force

    def _graph(self, encoded: Representation, batch: MoleculeBatch) -> Tensor:
        return sum_atoms(self.atoms(encoded.scalars), batch)
