"""Contrastive losses of two sets of vectors whose rows belong together."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce


def info_nce(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of finding a row's partner among all rows, by the dot product.

    Args:
        first: Vectors, [B, F].
        second: Their partners, [B, F].
        temperature: What the dot products are divided by.

    Returns:
        The mean loss, and the share of partners found, detached.
    """
    scores = first @ second.t() / temperature
    partners = torch.arange(len(scores), device=scores.device)
    return nn.functional.cross_entropy(scores, partners), (scores.argmax(1) == partners).double().mean()


def against_next(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropies of scores of true and of false partners, and the share told right, detached.

    Args:
        positive: Scores of true partners, any shape.
        negative: Scores of false ones.

    Returns:
        The sum of the two mean losses, and the accuracy.
    """
    loss = bce(positive, torch.ones_like(positive)) + bce(negative, torch.zeros_like(negative))
    right = torch.cat([positive.flatten() > 0, negative.flatten() < 0])
    return loss, right.double().mean()
