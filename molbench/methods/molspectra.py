"""MolSpectra: denoise a molecule, tell which spectra are its own, and fill in what is hidden in them.

Wang et al., ICLR 2025 (arXiv 2502.16284). This is stage 2, on molecules with spectra; stage 1 is
:mod:`molbench.methods.coord` with the same encoder, taken up by ``--init``. The encoder sees the noisy
molecule once, for the noise and for the contrast with SpecFormer's vector; the reconstruction trains
SpecFormer alone. A loss of weight 0 is left out, and so are spectra that ``spectra`` does not name. Molecules
that lack one of the spectra are denoised and no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.parts.specformer import (
    Patching,
    SpecFormer,
    SpecFormerConfig,
    count_patches,
    masked_patches,
    qm9s_spectra,
)
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.base import Method
from molbench.methods.parts.contrast import info_nce
from molbench.methods.parts.denoising import NoiseHead, Normaliser, Standardiser
from molbench.methods.parts.draws import normal, uniform
from molbench.methods.parts.views import bare, with_bonds
from molbench.spec.config import Share


@dataclass(frozen=True)
class MolSpectraConfig:
    """Settings of :class:`MolSpectra`; the paper's ablations are among them.

    Attributes:
        spectra: Column of each spectrum to how it is cut into patches; the points are those of its grid.
        mask: Share of the patches of each spectrum that is hidden.
        noise: Standard deviation of each coordinate's noise, Å.
        centre: Whether the noise of a molecule has no mean, and so does not move it as a whole.
        normaliser: How targets get unit variance, see
            :class:`~molbench.methods.parts.denoising.Standardiser`.
        temperature: What cosines are divided by.
        both_directions: Whether spectra look for their molecule, too, and not only molecules for theirs.
        denoising_weight: Weight of the denoising loss.
        contrast_weight: Weight of the contrastive loss.
        reconstruction_weight: Weight of the loss of hidden patches.
        spectrum_width: Features of a token of SpecFormer.
        spectrum_layers: Its layers.
        spectrum_heads: Their attention heads.
        spectrum_hidden: Features between the two linear layers of each.
    """

    spectra: dict[str, Patching] = field(default_factory=qm9s_spectra)
    mask: Share = 0.1
    noise: PositiveFloat = 0.04
    centre: bool = True
    normaliser: Normaliser = "scale"
    temperature: PositiveFloat = 0.07
    both_directions: bool = True
    denoising_weight: NonNegativeFloat = 1.0
    contrast_weight: NonNegativeFloat = 1.0
    reconstruction_weight: NonNegativeFloat = 1.0
    spectrum_width: PositiveInt = 128
    spectrum_layers: PositiveInt = 3
    spectrum_heads: PositiveInt = 16
    spectrum_hidden: PositiveInt = 256


@dataclass(frozen=True, eq=False)
class MolSpectraDraws:
    """Every random number of one loss.

    Attributes:
        noise: Displacement of each atom, Å, [N, 3].
        hidden: Spectrum to the indices of its hidden patches, [B, m] int64.
    """

    noise: Tensor
    hidden: Mapping[str, Tensor]


class MolSpectra(Method[MolSpectraConfig, MolSpectraDraws]):
    r"""Denoising, contrast with spectra, and reconstruction of masked patches.

    Equation:
        \mathcal L = \lambda_{\text{d}} \frac{1}{3N} \sum_i \left\lVert \hat\epsilon_i -
            \frac{\epsilon_i}{\sigma} \right\rVert^2 + \lambda_{\text{c}} \frac{1}{2} \left( C(g, q) + C(q,
            g) \right) + \lambda_{\text{r}} \sum_{\text{spectra}} \left\langle (\hat p - p)^2
            \right\rangle_{\text{hidden}}
        C(a, b) = -\left\langle \log \frac{\exp(\cos(a_m, b_m) / \tau)}{\sum_n \exp(\cos(a_m, b_n) /
            \tau)} \right\rangle, \qquad q_m \text{ of the spectra}

    Args:
        backbone: Encoder whose atom vectors and molecule vectors are used.
        config: Settings.

    Raises:
        UserError: If the encoder has no vectors and noise is to be predicted, or the patches do not fit.
    """

    name = "molspectra"
    needs_vectors = True

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`; the grids are those of ``xtb-spectra``."""
        points = {"uv": 131, "ir": 351, "raman": 351}
        spectra = {name: {"points": size, "patch": 50, "stride": 50} for name, size in points.items()}
        return {"spectra": spectra, "spectrum_width": 32, "spectrum_heads": 4, "spectrum_hidden": 32}

    def __init__(self, backbone: GeometryBackbone, config: MolSpectraConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        if config.denoising_weight:
            self.head = NoiseHead(backbone)
            self.standardise = Standardiser(config.normaliser, config.noise)
        if self.columns:
            self.specformer = SpecFormer(
                SpecFormerConfig(
                    spectra=config.spectra,
                    outputs=backbone.width,
                    width=config.spectrum_width,
                    layers=config.spectrum_layers,
                    heads=config.spectrum_heads,
                    hidden=config.spectrum_hidden,
                )
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """See :attr:`Method.columns`."""
        used = self.config.contrast_weight or self.config.reconstruction_weight
        return tuple(self.config.spectra) if used else ()

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> MolSpectraDraws:
        """All random numbers for one batch, on its device."""
        config, device = self.config, batch.positions.device
        noise = config.noise * normal(generator, batch.positions, batch.num_atoms, 3)
        hidden = {}
        for name in self.columns:
            count = count_patches(config.spectra[name])
            hidden[name] = masked_patches(uniform(generator, device, batch.num_graphs, count), config.mask)
        return MolSpectraDraws(centred_per_molecule(noise, batch) if config.centre else noise, hidden)

    def loss_given(self, batch: MoleculeBatch, draws: MolSpectraDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs each loss unweighted, and the share of molecules matched."""
        config, parts, logs = self.config, dict[str, Tensor](), dict[str, Tensor]()
        clean = bare(with_bonds(batch))
        noisy = clean.replace(positions=clean.positions + draws.noise)
        encoded = self.backbone(noisy, vectors=bool(config.denoising_weight))
        if config.denoising_weight:
            parts["denoising"] = functional.mse_loss(self.head(encoded), self.standardise(draws.noise))
        if self.columns:
            spectra, known = self.spectra(batch, encoded.graph.dtype)
            hidden = {name: indices[known] for name, indices in draws.hidden.items()}
            vectors, parts["reconstruction"] = self.specformer(spectra, hidden)
            if config.contrast_weight:
                parts["contrast"], logs["matched"] = self.contrast(encoded.graph[known], vectors)
        weights = {
            "denoising": config.denoising_weight,
            "contrast": config.contrast_weight,
            "reconstruction": config.reconstruction_weight,
        }
        total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        return total, logs | {name: part.detach() for name, part in parts.items()}

    def spectra(self, batch: MoleculeBatch, dtype: torch.dtype) -> tuple[dict[str, Tensor], Tensor]:
        """Scaled spectra of the molecules that have all of them, [b, points] each, and which those are, [b].

        Raises:
            UserError: If there is no such molecule.
        """
        spectrum_of = {name: batch.targets[name] for name in self.columns}
        known = torch.stack([spectrum.isfinite().all(-1) for spectrum in spectrum_of.values()]).all(0)
        if not known.any():
            raise UserError(f"no molecule of a batch has all of the spectra: {', '.join(self.columns)}")
        rows = known.nonzero().squeeze(-1)
        return {name: scaled(spectrum[rows].to(dtype)) for name, spectrum in spectrum_of.items()}, rows

    def contrast(self, molecules: Tensor, spectra: Tensor) -> tuple[Tensor, Tensor]:
        """InfoNCE of cosines of vectors [B, F], and the share of molecules that found their spectra."""
        first, second = (functional.normalize(vectors, dim=-1) for vectors in (molecules, spectra))
        forth, matched = info_nce(first, second, self.config.temperature)
        if not self.config.both_directions:
            return forth, matched
        back, _ = info_nce(second, first, self.config.temperature)
        return (forth + back) / 2, matched


def scaled(spectrum: Tensor) -> Tensor:
    """``log10(1 + x)``, which brings weak and strong bands together; intensities are not negative."""
    return torch.log1p(spectrum) / math.log(10)
