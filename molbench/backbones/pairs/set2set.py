"""Set2Set (Vinyals, Bengio, Kudlur, ICLR 2016) by sums and products instead of PyTorch's LSTM.

For a single step of a few molecules the library's LSTM costs more than the rest of a small encoder. And
outside of mixed precision: not every processor has an LSTM in bfloat16.
"""

from __future__ import annotations

from typing import cast

import torch
import torch_geometric.nn
from torch import Tensor

from molbench.kernels.convolution import summing_type
from molbench.kernels.molecule_attention import attend_molecules
from molbench.kernels.products import linear


class Set2Set(torch_geometric.nn.Set2Set):  # type: ignore[misc]
    """PyTorch Geometric's, of one layer, and with its weights."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,  # noqa: ARG002 - as it is called there
        ptr: Tensor | None = None,
        dim_size: int | None = None,  # noqa: ARG002
        dim: int = -2,  # noqa: ARG002
    ) -> Tensor:
        """Atoms [N, F] to vectors of molecules, [R, 2 F], which begin at ``ptr``, [R + 1]."""
        starts = cast(Tensor, ptr)
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(summing_type(x))
            query = Query(self, len(starts) - 1)
            answer = attend_molecules(x, query.hidden, starts)
            for _ in range(self.processing_steps - 1):
                query.follow(answer)
                answer = attend_molecules(x, query.hidden, starts)
            return torch.cat([query.hidden, answer], dim=-1)


class Query:
    """The state of the LSTM of a Set2Set, at first the same for all.

    Args:
        readout: Of width D, with one layer.
        rows: Number of molecules, R.

    Attributes:
        hidden: What is asked of the atoms, [R, D].
    """

    def __init__(self, readout: Set2Set, rows: int) -> None:
        lstm, width = readout.lstm, readout.in_channels
        self.bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
        # What was asked is the hidden state and half of the input at once.
        self.of_hidden = lstm.weight_ih_l0[:, :width] + lstm.weight_hh_l0
        self.of_answer = lstm.weight_ih_l0[:, width:]
        put_in, _, change, out = self.bias.unsqueeze(0).chunk(4, dim=-1)
        self._cell = put_in.sigmoid() * change.tanh()
        self._state = out.sigmoid() * self._cell.tanh()
        self.hidden = self._state.expand(rows, -1)

    def follow(self, answer: Tensor) -> None:
        """Ask again, knowing the answer, [R, D]."""
        gates = linear(answer, self.of_answer) + linear(self._state, self.of_hidden, self.bias)
        put_in, keep, change, out = gates.chunk(4, dim=-1)
        self._cell = keep.sigmoid() * self._cell + put_in.sigmoid() * change.tanh()
        self.hidden = self._state = out.sigmoid() * self._cell.tanh()
