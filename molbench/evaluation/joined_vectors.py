"""One vector a record out of the vectors of its molecules."""

from __future__ import annotations

import torch
from torch import Tensor


def joined_vectors(vectors: Tensor, ordered: bool) -> Tensor:
    """Vectors of molecules to vectors of records, [R, P, F] to [R, P * F].

    Args:
        vectors: Of the P molecules of each record, 1 or 2.
        ordered: Whether it matters which of two comes first; if not, their sum and the magnitude of their
            difference take the place of both.
    """
    if ordered or vectors.shape[1] == 1:
        return vectors.flatten(1)
    first, second = vectors.unbind(1)
    return torch.cat([first + second, (first - second).abs()], dim=-1)
