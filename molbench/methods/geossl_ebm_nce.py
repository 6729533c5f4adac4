"""GeoSSL-EBM-NCE: tell the noisy view of a molecule from that of the next one in the batch.

Liu, Guo, Tang, ICLR 2023 (arXiv 2206.13602): noise-contrastive estimation of an energy-based model, whose
negative energy is the dot product of molecule vectors; one false partner for each true one.
"""

from __future__ import annotations

from torch import Tensor

from molbench.methods.parts.contrast import against_next
from molbench.methods.parts.views import TwoViewConfig, TwoViewMethod


class GeoSSLEBMNCE(TwoViewMethod[TwoViewConfig]):
    r"""Binary contrast of two views.

    Equation:
        \mathcal L = -\frac{1}{2} \left\langle \log \varsigma(g_m^\top g'_m) + \log \varsigma(-g_m^\top
            g'_n) \right\rangle

    Args:
        backbone: Encoder whose molecule vectors are used.
        config: Settings.
    """

    name = "geossl-ebm-nce"

    def compare(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`TwoViewMethod.compare`."""
        positive, negative = (first * second).sum(1), (first * second.roll(-1, 0)).sum(1)
        loss, accuracy = against_next(positive, negative)
        return loss / 2, {"accuracy": accuracy}
