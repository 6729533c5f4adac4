"""Set2Set in single precision at least: not every processor has an LSTM in bfloat16."""

from __future__ import annotations

import torch
import torch_geometric.nn
from torch import Tensor

from molbench.kernels.convolution import summing_type


class Set2Set(torch_geometric.nn.Set2Set):  # type: ignore[misc]
    """Vinyals, Bengio, Kudlur, ICLR 2016, as PyTorch Geometric has it, outside of mixed precision."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
    ) -> Tensor:
        """Atoms [N, F] of molecules [N] to vectors of molecules, [R, 2 F]."""
        with torch.autocast(x.device.type, enabled=False):
            vectors: Tensor = super().forward(x.to(summing_type(x)), index, ptr, dim_size, dim)
        return vectors
