"""``Set2Set`` of interacting atoms, without ever writing what atoms receive.

In CIGIN an atom is its own features beside those that it receives, ``x_i = [a_i, Σ_j I_ij b_j]``. Set2Set
(Vinyals, Bengio, Kudlur, ICLR 2016) asks for scalar products ``q · x_i`` and weighted sums ``Σ_i w_i x_i``
only. Taken through the map, ``q' · Σ_j I_ij b_j = Σ_j I_ij (q' · b_j)`` and ``Σ_i w_i Σ_j I_ij b_j =
Σ_j (Σ_i w_i I_ij) b_j``, they cost products of the map with vectors and not with all atoms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from molbench.backbones.pairs.interaction import Interacting
from molbench.backbones.pairs.set2set import Query, Set2Set


def read_out_interacting(
    interacting: Sequence[Interacting], readout_a: Set2Set, readout_b: Set2Set
) -> tuple[Tensor, Tensor]:
    """Vectors of the first and of the second molecules of pairs, in the blocks' order, [R, 4 F] each."""
    sizes = [len(part.a) for part in interacting]
    queries = [Query(readout, sum(sizes)) for readout in (readout_a, readout_b)]
    vectors = [query.hidden for query in queries]
    for step in range(readout_a.steps):
        if step:
            for query, vector in zip(queries, vectors, strict=True):
                query.follow(vector)
        asked = zip(*(query.hidden.split(sizes) for query in queries), strict=True)
        read = [_read(part, *ask) for part, ask in zip(interacting, asked, strict=True)]
        vectors = [torch.cat(parts) for parts in zip(*read, strict=True)]
    first, second = (
        torch.cat([query.hidden, vector], dim=-1) for query, vector in zip(queries, vectors, strict=True)
    )
    return first, second


def _read(pairs: Interacting, query_a: Tensor, query_b: Tensor) -> tuple[Tensor, Tensor]:
    """What the queries [r, 2 F] find in both molecules, [r, 2 F] each."""
    a, b, maps = pairs.a, pairs.b, pairs.maps
    back = maps.transpose(1, 2)
    (own_a, other_a), (own_b, other_b) = query_a.chunk(2, dim=-1), query_b.chunk(2, dim=-1)
    # Atoms are asked by their own query, and for those of the other molecule that receive their features.
    in_a, in_b = _rows(own_a, other_b) @ a.transpose(1, 2), _rows(own_b, other_a) @ b.transpose(1, 2)
    weights_a = _weights(in_a[:, :1] + in_b[:, 1:] @ back, pairs.block.is_a)
    weights_b = _weights(in_b[:, :1] + in_a[:, 1:] @ maps, pairs.block.is_b)
    found_a = torch.cat([weights_a, weights_b @ back], dim=1) @ a
    found_b = torch.cat([weights_b, weights_a @ maps], dim=1) @ b
    return (
        torch.cat([found_a[:, 0], found_b[:, 1]], dim=-1),
        torch.cat([found_b[:, 0], found_a[:, 1]], dim=-1),
    )


def _rows(first: Tensor, second: Tensor) -> Tensor:
    """Two vectors side by side, [r, F] each to [r, 2, F]; products of rows are the fast ones on a CPU."""
    return torch.stack([first, second], dim=1)


def _weights(scores: Tensor, is_atom: Tensor) -> Tensor:
    """Attention, [r, 1, n], 0 where there is no atom."""
    there = is_atom.unsqueeze(1)
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~there, lowest).softmax(-1) * there
