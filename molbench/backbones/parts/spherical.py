"""DimeNet's joint basis of a distance and an angle: spherical Bessel functions times spherical harmonics.

Gasteiger et al., ICLR 2020 (arXiv 2003.03123), equation 6. By recurrence, where the library derives each
function symbolically, which takes it seconds.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import spherical_jn
from torch import Tensor, nn
from torch_geometric.nn.models.dimenet import Envelope


def bessel_zeros(orders: int, count: int) -> NDArray[np.float64]:
    """The first zeros of the spherical Bessel functions ``j_0`` to ``j_(orders-1)``, [orders, count].

    Those of one order lie between those of the order before.
    """
    rows = [np.arange(1, count + orders) * np.pi]
    for order in range(1, orders):
        brackets = zip(rows[-1][:-1], rows[-1][1:], strict=True)
        rows.append(np.array([brentq(lambda x, n=order: spherical_jn(n, x), a, b) for a, b in brackets]))
    return np.stack([row[:count] for row in rows])


class SphericalBasis(nn.Module):
    """``u(d/c) N_ln j_l(z_ln d/c) Y_l0(α)`` for all orders l and zeros n, with the envelope u.

    Args:
        spherical: Number of orders l, S.
        radial: Number of zeros n, R.
        cutoff: c, Å.
    """

    zeros: Tensor
    norms: Tensor

    def __init__(self, spherical: int, radial: int, cutoff: float) -> None:
        super().__init__()
        zeros = bessel_zeros(spherical, radial)
        orders = np.arange(spherical)[:, None]
        norms = math.sqrt(2) / np.abs(spherical_jn(orders + 1, zeros))
        norms *= np.sqrt((2 * orders + 1) / (4 * np.pi))
        self.register_buffer("zeros", torch.from_numpy(zeros), persistent=False)
        self.register_buffer("norms", torch.from_numpy(norms), persistent=False)
        self.cutoff, self.orders = cutoff, spherical
        self.envelope = Envelope(5)

    def forward(self, distances: Tensor, angles: Tensor, edge: Tensor) -> Tensor:
        """Distances of edges [E], angles [T] and the edge of each angle [T] to the basis, [T, S R]."""
        # In double precision: recurrences and formulas alike lose most digits where atoms are near.
        scaled = (distances / self.cutoff).double()
        radial = self._bessel(scaled) * self.norms.double() * self.envelope(scaled)[:, None, None]
        angular = self._legendre(angles.cos())
        basis: Tensor = radial.to(distances.dtype)[edge] * angular.unsqueeze(-1)
        return basis.flatten(1)

    def _bessel(self, scaled: Tensor) -> Tensor:
        """``j_l(z_ln x)``, [E, S, R], each order from the two before it at its own arguments."""
        x = scaled[:, None, None] * self.zeros.double()
        rows = []
        for order in range(self.orders):
            arguments = x[:, order]
            before, value = arguments.cos() / arguments, arguments.sin() / arguments
            for n in range(order):
                before, value = value, (2 * n + 1) / arguments * value - before
            rows.append(value)
        return torch.stack(rows, dim=1)

    def _legendre(self, cosines: Tensor) -> Tensor:
        """``P_l(cos α)``, [T, S]."""
        rows = [torch.ones_like(cosines), cosines]
        for n in range(1, self.orders - 1):
            rows.append(((2 * n + 1) * cosines * rows[n] - n * rows[n - 1]) / (n + 1))
        return torch.stack(rows[: self.orders], dim=-1)
