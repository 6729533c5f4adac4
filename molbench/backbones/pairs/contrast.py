"""The contrastive loss of CGIB and 3DMRL."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from molbench.errors import UserError


def nt_xent(first: Tensor, second: Tensor, temperature: float, *, exclude_positive: bool) -> Tensor:
    """Cross-entropy of finding a row's partner among all rows by the cosine, mean over the rows of ``first``.

    NT-Xent in one direction, ``-log(exp s_ii / Σ_j exp s_ij)`` with ``s = cos / temperature`` (Chen et al.,
    ICML 2020).

    Args:
        first: Vectors, [R, F].
        second: Their partners, [R, F].
        temperature: What the cosines are divided by.
        exclude_positive: Sum the denominator over ``j ≠ i``, as 3DMRL's release does; the loss can then be
            negative, and needs two rows.

    Raises:
        UserError: If the denominator is empty.
    """
    scores = normalize(first) @ normalize(second).t() / temperature
    partners = torch.arange(len(scores), device=scores.device)
    if not exclude_positive:
        return cross_entropy(scores, partners)
    if len(scores) < 2:
        raise UserError("a contrastive loss compares pairs with each other: give batches of two or more")
    others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool, device=scores.device), -torch.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()
