"""The interaction map of CIGIN, between the atoms of the two molecules of each pair and no others.

Pathak et al., AAAI 2020 (CIGIN), as 3DMRL (arXiv 2412.02957) computes it: plain dot products, no squashing.
The maps of pairs of similar sizes are made by one batched product. That is less memory traffic than one
gathered row for each of the Σ n_a n_b pairs of atoms, and R times fewer products than a map of all solutes
against all solvents of which only the blocks on the diagonal are wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from molbench.backbones.pairs.blocks import PairBlock, blocks, gathered
from molbench.graph.pairs import PairBatch


@dataclass(frozen=True, eq=False)
class Interacting:
    """The atoms of the r pairs of a block, padded with zeros.

    Attributes:
        block: Which atoms they are.
        a: Features of the atoms of the first molecules, [r, n, F].
        b: Of the second, [r, m, F].
    """

    block: PairBlock
    a: Tensor
    b: Tensor

    @cached_property
    def maps(self) -> Tensor:
        """``I_ij = a_i · b_j`` of each pair, [r, n, m]."""
        return self.a @ self.b.transpose(1, 2)


def interact(a: Tensor, b: Tensor, pairs: PairBatch) -> tuple[Tensor, Tensor]:
    """What each atom receives: ``Σ_j I_ij b_j`` and ``Σ_i I_ij a_i`` with the map ``I_ij = a_i · b_j``.

    Args:
        a: Features of the atoms of the first molecules, [N_a, F].
        b: Of the second, [N_b, F].
        pairs: To which pair they belong.

    Returns:
        [N_a, F] and [N_b, F].
    """
    made, _ = blocks(pairs)
    padded = gathered(a, [block.a for block in made]), gathered(b, [block.b for block in made])
    return received([Interacting(*parts) for parts in zip(made, *padded, strict=True)])


def received(interacting: list[Interacting]) -> tuple[Tensor, Tensor]:
    """What the atoms of all blocks receive, in the order of the batch, [N_a, F] and [N_b, F]."""
    from_b = [(part.maps @ part.b)[part.block.is_a] for part in interacting]
    from_a = [(part.maps.transpose(1, 2) @ part.a)[part.block.is_b] for part in interacting]
    return (
        _in_order(from_b, [part.block.a[part.block.is_a] for part in interacting]),
        _in_order(from_a, [part.block.b[part.block.is_b] for part in interacting]),
    )


def interaction_maps(a: Tensor, b: Tensor, pairs: PairBatch) -> list[Tensor]:
    """The map of each pair, [n_a, n_b] each, to look at."""
    of_a, of_b = (torch.split(x, g.sizes.tolist()) for x, g in ((a, pairs.a), (b, pairs.b)))
    return [first @ second.t() for first, second in zip(of_a, of_b, strict=True)]


def _in_order(rows: list[Tensor], numbers: list[Tensor]) -> Tensor:
    """Rows of atoms as the batch lists its atoms."""
    result = torch.cat(rows)
    return torch.empty_like(result).index_copy(0, torch.cat(numbers), result)
