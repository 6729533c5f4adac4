"""CGIB with a contrastive term: what passes of a first molecule must single out its own partner.

Lee et al., ICML 2023 (arXiv 2305.01520), in the form that 3DMRL (arXiv 2412.02957) uses.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import PositiveFloat
from torch import Tensor

from molbench.backbones.pairs.cgib import CGIB, CGIBConfig
from molbench.backbones.pairs.contrast import nt_xent


@dataclass(frozen=True)
class CGIBContConfig(CGIBConfig):
    """Settings of :class:`CGIBCont`.

    Attributes:
        temperature: Of the similarities.
        exclude_positive: Leave the true partner out of the denominator, as the release does.
    """

    temperature: PositiveFloat = 1.0
    exclude_positive: bool = False


class CGIBCont(CGIB[CGIBContConfig]):
    """CGIB encoder with a contrastive term in place of the prediction of the partner.

    Args:
        config: Settings.
    """

    name = "cgib-cont"

    def tie(self, passed: Tensor, second: Tensor) -> Tensor:
        """Contrastive loss of what passes against the second molecules, both [R, F / 2]."""
        config = self.config
        return nt_xent(passed, second, config.temperature, exclude_positive=config.exclude_positive)
