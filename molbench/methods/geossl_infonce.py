"""GeoSSL-InfoNCE: tell the noisy view of a molecule from those of the others in the batch.

Liu, Guo, Tang, ICLR 2023 (arXiv 2206.13602): InfoNCE of dot products of molecule vectors, in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import PositiveFloat
from torch import Tensor

from molbench.methods.parts.contrast import info_nce
from molbench.methods.parts.views import TwoViewConfig, TwoViewMethod


@dataclass(frozen=True)
class GeoSSLInfoNCEConfig(TwoViewConfig):
    """Settings of :class:`GeoSSLInfoNCE`.

    Attributes:
        temperature: What the dot products are divided by.
    """

    temperature: PositiveFloat = 0.1


class GeoSSLInfoNCE(TwoViewMethod[GeoSSLInfoNCEConfig]):
    r"""Contrast of two views within the batch.

    Equation:
        \mathcal L = \frac{1}{2} \left( C(g, g') + C(g', g) \right), \qquad C(a, b) = -\left\langle
            \log \frac{\exp(a_m^\top b_m / \tau)}{\sum_n \exp(a_m^\top b_n / \tau)} \right\rangle

    Args:
        backbone: Encoder whose molecule vectors are used.
        config: Settings.
    """

    name = "geossl-infonce"

    def compare(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`TwoViewMethod.compare`."""
        there, found_there = info_nce(first, second, self.config.temperature)
        back, found_back = info_nce(second, first, self.config.temperature)
        return (there + back) / 2, {"accuracy": (found_there + found_back) / 2}
