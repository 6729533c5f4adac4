"""A class of each atom, such as its element."""

from __future__ import annotations

from torch import Tensor, nn


class NodeClassHead(nn.Sequential):
    """Vectors of atoms to scores of classes.

    Args:
        width: Features of an atom, F.
        classes: How many, C.
        hidden: Whether there are two layers, Linear(F, F), SiLU, Linear(F, C), as in 3D-EMGP, or one, as in
            GeoSSL.
    """

    def __init__(self, width: int, classes: int, *, hidden: bool) -> None:
        first = [nn.Linear(width, width), nn.SiLU()] if hidden else []
        super().__init__(*first, nn.Linear(width, classes))

    def compare(self, atoms: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy, and the share that has its class named right; both 0 where there are no atoms.

        Args:
            atoms: Their vectors, [M, F].
            truth: Their classes, [M] int64.
        """
        scores, count = self(atoms), max(len(truth), 1)
        right = (scores.argmax(1) == truth).double().sum() / count
        return nn.functional.cross_entropy(scores, truth, reduction="sum") / count, right
