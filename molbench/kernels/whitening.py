"""Whitening of vector features: a norm that makes the three directions of an atom equally strong.

As the whitened layer norm of the equivariant transformer in Zaidi et al. (arXiv 2206.00133). The inverse
square root of the 3 x 3 covariance is differentiated through the equation it solves, not through its
eigenvectors, so that equal eigenvalues, of linear and symmetric molecules, do no harm to any derivative.
On a CPU one kernel goes from vectors to whitened ones and another to their gradients: matrices of three rows
are too small for libraries of linear algebra.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import Function

from molbench.kernels.library import call, usable

Regulariser = Literal["isotropic", "anisotropic"]

# Atoms whose gradients of the weight are summed in a row: a fixed number, whatever the number of threads.
_BLOCK = 16


class Whitening(nn.Module):
    """``w ⊙ (C + ε D + ε)^(-1/2) X`` with the covariance ``C = X Xᵀ / F`` of an atom's centred vectors X.

    Args:
        width: Vectors of an atom, F.
        regulariser: D, which decides about directions without variance, such as those normal to a planar
            molecule. ``isotropic``: the unit matrix, which commutes with rotations. ``anisotropic``:
            diag(1, 2, 3) as in the releases of Coord and MolSpectra, so that features do not rotate with the
            molecule.
        epsilon: ε.
    """

    diagonal: Tensor

    def __init__(self, width: int, regulariser: Regulariser = "isotropic", epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        values = [1.0, 1.0, 1.0] if regulariser == "isotropic" else [1.0, 2.0, 3.0]
        diagonal = epsilon * (torch.tensor(values, dtype=torch.float64).diag() + torch.eye(3))
        self.register_buffer("diagonal", diagonal, persistent=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors [N, 3, F] to vectors [N, 3, F]."""
        diagonal = self.diagonal.double()
        if usable(vectors, self.weight) and vectors.shape[1:] == (3, len(self.weight)):
            return _whiten(vectors, self.weight, diagonal)
        return whiten_plainly(vectors, self.weight, diagonal)


def whiten_plainly(vectors: Tensor, weight: Tensor, diagonal: Tensor) -> Tensor:
    """:class:`Whitening` in so many words, where there is no kernel and where its gradient has gradients.

    Args:
        vectors: X before it is centred, [N, 3, F].
        weight: w, [F].
        diagonal: ε D + ε in double precision, [3, 3].

    Returns:
        Vectors, [N, 3, F].
    """
    centred = vectors - vectors.mean(-1, keepdim=True)
    covariance = centred @ centred.transpose(1, 2) / vectors.shape[-1]
    # Eigenvalues down to ε need double precision.
    whiten = inverse_square_root(covariance.double() + diagonal)
    return whiten.to(vectors.dtype) @ centred * weight


class _Whiten(Function):
    """:func:`whiten_plainly` by kernels, which take the eigenvectors anew for the gradient."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, weight: Tensor, diagonal: Tensor) -> Tensor:
        ctx.save_for_backward(vectors, weight, diagonal)
        result = torch.empty_like(vectors, memory_format=torch.contiguous_format)
        sizes = len(vectors), len(weight)
        call("whiten", vectors.dtype, vectors.numel(), *sizes, diagonal, vectors, weight, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        vectors, weight, diagonal = ctx.saved_tensors
        if torch.is_grad_enabled():  # this gradient will be differentiated, too
            result = whiten_plainly(vectors, weight, diagonal)
            needed = ctx.needs_input_grad[:2]
            variables = list(compress((vectors, weight), needed))
            grads = iter(torch.autograd.grad(result, variables, gradient, create_graph=True))
            return *(next(grads) if each else None for each in needed), None
        sizes = len(vectors), len(weight), _BLOCK
        grad_vectors = torch.empty_like(vectors, memory_format=torch.contiguous_format)
        grad_weight = weight.new_empty(-(-len(vectors) // _BLOCK), len(weight))
        inputs = diagonal, vectors, weight, gradient
        call("whiten_backward", vectors.dtype, vectors.numel(), *sizes, *inputs, grad_vectors, grad_weight)
        return grad_vectors, grad_weight.sum(0), None


def inverse_square_root(matrices: Tensor) -> Tensor:
    """``A^(-1/2)`` of symmetric positive definite matrices, differentiable any number of times.

    Args:
        matrices: A, [N, K, K].

    Returns:
        Symmetric positive definite matrices, [N, K, K].
    """
    with torch.no_grad():
        values, basis = torch.linalg.eigh(matrices)
    return _inverse_square_root(matrices, values.rsqrt(), basis)


class _InverseSquareRoot(Function):
    """``Z = A^(-1/2)``. From ``Z Z = A^(-1)``: ``Z dZ + dZ Z = -Z² dA Z²``."""

    @staticmethod
    def forward(ctx: Any, matrices: Tensor, values: Tensor, basis: Tensor) -> Tensor:  # noqa: ARG004
        root = basis * values.unsqueeze(-2) @ basis.mT
        ctx.save_for_backward(root, values, basis)
        return root

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        root, values, basis = ctx.saved_tensors
        square = root @ root
        return -square @ _sylvester(root, gradient, values, basis) @ square, None, None


class _Sylvester(Function):
    """X of ``Z X + X Z = B`` for ``Z = V diag(z) Vᵀ``; its derivative solves the same equation."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, b: Tensor, values: Tensor, basis: Tensor) -> Tensor:
        sums = values.unsqueeze(-1) + values.unsqueeze(-2)
        solution = basis @ (basis.mT @ b @ basis / sums) @ basis.mT
        ctx.save_for_backward(z, solution, values, basis)
        return solution

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        z, solution, values, basis = ctx.saved_tensors
        grad_b = _sylvester(z, gradient, values, basis)
        return -(grad_b @ solution.mT + solution.mT @ grad_b), grad_b, None, None


_whiten: Callable[[Tensor, Tensor, Tensor], Tensor] = _Whiten.apply
_inverse_square_root: Callable[[Tensor, Tensor, Tensor], Tensor] = _InverseSquareRoot.apply
_sylvester: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = _Sylvester.apply
