"""One vector a record out of the vectors of its molecules."""

from __future__ import annotations

import torch
from torch import Tensor


def join(graph: Tensor, parts: int, ordered: bool) -> Tensor:
    """Vectors of molecules [R * parts, F] to vectors of records [R, parts * F].

    Args:
        graph: Vectors, those of one record one after the other.
        parts: Molecules of a record, 1 or 2.
        ordered: Whether it matters which of two comes first; if not, their sum and the magnitude of their
            difference take the place of both.
    """
    if parts == 1:
        return graph
    if not ordered:
        first, second = graph[0::parts], graph[1::parts]
        return torch.cat([first + second, (first - second).abs()], dim=-1)
    return graph.reshape(-1, parts * graph.shape[1])
