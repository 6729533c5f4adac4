"""What one query a molecule finds among the molecule's atoms, by softmax attention.

In single operations every pass over the atoms of a batch goes through memory, there and back; on a CPU one
kernel takes molecule after molecule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch_geometric.utils import softmax

from molbench.kernels.library import call, usable


def attend_molecules(atoms: Tensor, queries: Tensor, ptr: Tensor) -> Tensor:
    """``Σ_i w_i x_i`` over the atoms of each molecule, ``w = softmax(x q)`` among them.

    The gradient of the kernel has no further derivatives.

    Args:
        atoms: x, [N, F].
        queries: q, [R, F].
        ptr: First atom of each molecule, then N, [R + 1] int64.

    Returns:
        A row for each molecule, [R, F]; 0 where it has no atoms.

    Raises:
        ValueError: If the kernel would read beyond what is given.
    """
    if usable(atoms, queries):
        _check(atoms, queries, ptr)
        return _attend(atoms, queries, ptr)
    return attend_molecules_plainly(atoms, queries, ptr)


def attend_molecules_plainly(atoms: Tensor, queries: Tensor, ptr: Tensor) -> Tensor:
    """:func:`attend_molecules` in so many words, the definition that tests compare with."""
    numbers = torch.arange(len(queries), device=ptr.device)
    molecule = torch.repeat_interleave(numbers, ptr.diff(), output_size=len(atoms))
    scores = (atoms * queries.index_select(0, molecule)).sum(-1, keepdim=True)
    weights: Tensor = softmax(scores, molecule, num_nodes=len(queries))
    return atoms.new_zeros(queries.shape).index_add(0, molecule, weights * atoms)


def _check(atoms: Tensor, queries: Tensor, ptr: Tensor) -> None:
    if atoms.shape[1:] != queries.shape[1:] or ptr.dtype != torch.int64 or len(ptr) != len(queries) + 1:
        raise ValueError("one query a molecule, as wide as the atoms, and its first atom as an int64")
    if ptr[0] != 0 or ptr[-1] != len(atoms) or (ptr.diff() < 0).any():
        raise ValueError("the molecules must follow each other from the first atom to the last")


class _MoleculeAttention(Function):
    """:func:`attend_molecules_plainly` by kernels."""

    @staticmethod
    def forward(ctx: Any, atoms: Tensor, queries: Tensor, ptr: Tensor) -> Tensor:
        atoms, queries = atoms.contiguous(), queries.contiguous()
        weights, result = atoms.new_empty(len(atoms)), torch.empty_like(queries)
        call(
            "attend_molecules",
            atoms.dtype,
            atoms.numel(),
            *queries.shape,
            ptr,
            atoms,
            queries,
            weights,
            result,
        )
        ctx.save_for_backward(ptr, atoms, queries, weights, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = _, atoms, queries, *_ = ctx.saved_tensors
        grads = torch.empty_like(atoms), torch.empty_like(queries)
        call(
            "attend_molecules_backward",
            atoms.dtype,
            atoms.numel(),
            *queries.shape,
            *saved,
            gradient,
            *grads,
        )
        return *grads, None


_attend: Callable[[Tensor, Tensor, Tensor], Tensor] = _MoleculeAttention.apply
