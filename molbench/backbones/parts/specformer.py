"""SpecFormer: one transformer over the patches of several spectra of a molecule.

Wang et al., ICLR 2025 (arXiv 2502.16284): each spectrum is cut into overlapping patches, some of them are
filled with zeros and have to be reconstructed, and all tokens of all spectra attend to one another, with
attention scores that add up from layer to layer (RealFormer, He et al., arXiv 2012.11747).

Scores that add up are one dot product of longer vectors: ``Σ_l q_l·k_l`` is that of the queries and keys of
all layers so far, side by side. So fused attention computes them, and no matrix of scores is ever kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from typing_extensions import TypedDict

from molbench.errors import UserError
from molbench.kernels.products import Linear
from molbench.kernels.spectral_attention import attend


class Patching(TypedDict):
    """How one spectrum becomes patches.

    Attributes:
        points: Points of the spectrum.
        patch: Points of a patch.
        stride: Points from the start of one patch to the next; what is left at the end is not used.
    """

    points: int
    patch: int
    stride: int


def qm9s_spectra() -> dict[str, Patching]:
    """The spectra of QM9S: UV-Vis on 701 points, IR and Raman on 3501."""
    return {
        "uv": {"points": 701, "patch": 20, "stride": 10},
        "ir": {"points": 3501, "patch": 50, "stride": 25},
        "raman": {"points": 3501, "patch": 50, "stride": 25},
    }


@dataclass(frozen=True)
class SpecFormerConfig:
    """Settings of :class:`SpecFormer`.

    Attributes:
        spectra: Name of each spectrum to its patching, in the order of their tokens.
        outputs: Features of the vector of a molecule's spectra.
        width: Features of a token.
        layers: Number of transformer layers.
        heads: Attention heads of a layer.
        hidden: Features between both linear layers behind an attention.
    """

    spectra: dict[str, Patching] = field(default_factory=qm9s_spectra)
    outputs: int = 256
    width: int = 128
    layers: int = 3
    heads: int = 16
    hidden: int = 256


def count_patches(patching: Patching) -> int:
    """Patches of one spectrum, n."""
    return (patching["points"] - patching["patch"]) // patching["stride"] + 1


def masked_patches(uniform: Tensor, ratio: float) -> Tensor:
    """Which patches to hide: all behind the first ``int(n (1 - ratio))`` in the order of random numbers.

    Args:
        uniform: A random number a patch, [B, n].
        ratio: Share of the patches.

    Returns:
        Indices of m patches, [B, m] int64.
    """
    return uniform.argsort(dim=-1)[:, int(uniform.shape[-1] * (1 - ratio)) :]


class SpecFormerLayer(nn.Module):
    """Attention and two linear layers, each with a residual and a batch norm over channels behind it."""

    def __init__(self, config: SpecFormerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.qkv = Linear(width, 3 * width)
        self.mix = Linear(width, width)
        self.mix_norm = nn.BatchNorm1d(width)
        self.feed = nn.Sequential(Linear(width, config.hidden), nn.GELU(), Linear(config.hidden, width))
        self.feed_norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, queries: list[Tensor], keys: list[Tensor]) -> Tensor:
        """Tokens [B, L, F] to tokens; queries and keys of the layers before are added to and used."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries.append(q)
        keys.append(k)
        mixed = attend(torch.cat(queries, -1), torch.cat(keys, -1), v, q.shape[-1] ** -0.5)
        x = self.norm(self.mix_norm, x + self.mix(mixed.transpose(1, 2).flatten(2)))
        return self.norm(self.feed_norm, x + self.feed(x))

    @staticmethod
    def norm(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
        """Normalise each channel over all tokens of all molecules."""
        result: Tensor = norm(x.flatten(0, 1))
        return result.view_as(x)


class SpecFormer(nn.Module):
    """Spectra to one vector a molecule, and the error of its hidden patches.

    Args:
        config: Settings.

    Raises:
        UserError: If there is no spectrum, a patch does not fit in one, or the width is not one of ``heads``
            equal parts.
    """

    def __init__(self, config: SpecFormerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SpecFormerConfig()
        _check(config)
        counts = {name: count_patches(patching) for name, patching in config.spectra.items()}
        lengths = {name: patching["patch"] for name, patching in config.spectra.items()}
        width = config.width
        self.embeddings = nn.ModuleDict({name: Linear(lengths[name], width) for name in counts})
        self.places = nn.ParameterDict(
            {name: nn.Parameter(torch.empty(n, width).uniform_(-0.02, 0.02)) for name, n in counts.items()}
        )
        self.layers = nn.ModuleList(SpecFormerLayer(config) for _ in range(config.layers))
        self.head = Linear(sum(counts.values()) * width, config.outputs)
        self.head_norm = nn.LayerNorm(config.outputs)
        self.reconstructions = nn.ModuleDict({name: Linear(width, lengths[name]) for name in counts})
        self.counts = counts

    def patches(self, name: str, spectrum: Tensor) -> Tensor:
        """Cut a spectrum, [B, points] to [B, n, patch].

        Raises:
            UserError: If it has not as many points as the settings say.
        """
        patching = self.config.spectra[name]
        if spectrum.shape[-1] != patching["points"]:
            raise UserError(
                f"spectrum '{name}' has {spectrum.shape[-1]} points, the setting 'spectra' says "
                f"{patching['points']}; give the points of the dataset's grid, with patch and stride to suit"
            )
        return spectrum.unfold(-1, patching["patch"], patching["stride"])

    def forward(self, spectra: Mapping[str, Tensor], hidden: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Encode spectra of which some patches are hidden.

        Args:
            spectra: Name to spectra, [B, points].
            hidden: Name to indices of the patches filled with zeros, [B, m], see :func:`masked_patches`.

        Returns:
            The vector of each molecule's spectra, [B, outputs], and the mean squared error of the hidden
            patches, summed over the spectra.
        """
        patches = {name: self.patches(name, spectra[name]) for name in self.counts}
        tokens = []
        for name, whole in patches.items():
            shown = whole.scatter(1, _along(hidden[name], whole), 0.0)
            tokens.append(self.embeddings[name](shown) + self.places[name])
        x = torch.cat(tokens, dim=1)
        queries: list[Tensor] = []
        keys: list[Tensor] = []
        for layer in self.layers:
            x = layer(x, queries, keys)
        vector: Tensor = self.head_norm(self.head(x.flatten(1)))
        error = x.new_zeros(())
        parts = torch.split(x, list(self.counts.values()), dim=1)
        for (name, whole), encoded in zip(patches.items(), parts, strict=True):
            truth = whole.gather(1, _along(hidden[name], whole))
            guess = self.reconstructions[name](encoded.gather(1, _along(hidden[name], encoded)))
            if truth.numel():  # a mean of nothing is no number
                error = error + nn.functional.mse_loss(guess, truth)
        return vector, error


def _along(index: Tensor, values: Tensor) -> Tensor:
    """Indices of rows [B, m] as indices of all their elements [B, m, K]."""
    return index.unsqueeze(-1).expand(-1, -1, values.shape[-1])


def _check(config: SpecFormerConfig) -> None:
    if not config.spectra:
        raise UserError("setting 'spectra': names no spectrum")
    if config.width % config.heads:
        raise UserError(f"setting 'width': {config.width} features cannot be cut into {config.heads} heads")
    for name, patching in config.spectra.items():
        if not 1 <= patching["patch"] <= patching["points"] or patching["stride"] < 1:
            raise UserError(
                f"setting 'spectra': {name}: patches of {patching['patch']} points every "
                f"{patching['stride']} cannot be cut from {patching['points']}"
            )
