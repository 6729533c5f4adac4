"""Set2Set (Vinyals, Bengio, Kudlur, ICLR 2016) by sums and products instead of PyTorch's LSTM.

For one step of a few molecules the library's LSTM takes longer than all sums of the readout. Sums
and state stay in single precision where the rest is in bfloat16.
"""

from __future__ import annotations

import torch
import torch_geometric.nn
from torch import Tensor, nn

from molbench.kernels.convolution import summing_type
from molbench.kernels.molecule_attention import attend_molecules
from molbench.kernels.products import linear


class Set2Set(nn.Module):
    """Readout with the weights of PyTorch Geometric's.

    Args:
        width: Features of an atom, D.
        steps: Rounds of attention.
    """

    def __init__(self, width: int, steps: int) -> None:
        super().__init__()
        self.width, self.steps = width, steps
        self.lstm = torch_geometric.nn.Set2Set(width, steps).lstm

    def forward(self, atoms: Tensor, ptr: Tensor) -> Tensor:
        """Atoms [N, D] to vectors of molecules, [R, 2 D], which begin at ``ptr``, [R + 1]."""
        with torch.autocast(atoms.device.type, enabled=False):
            atoms = atoms.to(summing_type(atoms))
            query = Query(self, len(ptr) - 1)
            answer = attend_molecules(atoms, query.hidden, ptr)
            for _ in range(self.steps - 1):
                query.follow(answer)
                answer = attend_molecules(atoms, query.hidden, ptr)
            return torch.cat([query.hidden, answer], dim=-1)


class Query:
    """The state of the LSTM of a Set2Set, at first the same for all.

    Args:
        readout: Of width D.
        rows: Number of molecules, R.

    Attributes:
        hidden: What is asked of the atoms, [R, D].
    """

    def __init__(self, readout: Set2Set, rows: int) -> None:
        lstm, width = readout.lstm, readout.width
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
