"""GeoSSL-RR: reconstruct the molecule vector of one view from that of the other.

Liu, Guo, Tang, ICLR 2023 (arXiv 2206.13602), representation reconstruction: a decoder for either direction,
mean squared error to the other view's vector, which is not differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import NonNegativeFloat
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from molbench.backbones.base import GeometryBackbone
from molbench.methods.parts.layers import Decoder
from molbench.methods.parts.views import TwoViewConfig, TwoViewMethod


@dataclass(frozen=True)
class GeoSSLRRConfig(TwoViewConfig):
    """Settings of :class:`GeoSSLRR`.

    Attributes:
        decoder_lr_factor: Learning rate of the decoders as a multiple of the encoder's. The release trains
            them at 1.0 beside an encoder at 5e-4, having taken a scale for the rate itself.
    """

    decoder_lr_factor: NonNegativeFloat = 1.0


class GeoSSLRR(TwoViewMethod[GeoSSLRRConfig]):
    r"""Reconstruction of one view's vector from the other's.

    Equation:
        \mathcal L = \frac{1}{2F} \left\langle \lVert D_1(g_m) - \overline{g'_m} \rVert^2 + \lVert
            D_2(g'_m) - \overline{g_m} \rVert^2 \right\rangle

    Args:
        backbone: Encoder whose molecule vectors are used.
        config: Settings.
    """

    name = "geossl-rr"

    def __init__(self, backbone: GeometryBackbone, config: GeoSSLRRConfig | None = None) -> None:
        super().__init__(backbone, config)
        width = backbone.width
        self.decoders = nn.ModuleList(Decoder(width) for _ in range(2))

    @property
    def lr_factors(self) -> Mapping[str, float]:
        """See :attr:`Method.lr_factors`."""
        return {"decoders.": self.config.decoder_lr_factor}

    def compare(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`TwoViewMethod.compare`."""
        there = mse_loss(self.decoders[0](first), second.detach())
        back = mse_loss(self.decoders[1](second), first.detach())
        return (there + back) / 2, {"view_1": there.detach(), "view_2": back.detach()}
