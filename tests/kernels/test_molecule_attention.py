"""Attention of molecules equals its definition, from the kernel as from PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.kernels.molecule_attention import attend_molecules, attend_molecules_plainly
from tests.eager import each_way, needs_kernels, with_threads  # noqa: F401 - a fixture

SIZES = [(3, 1, 7), (0, 5, 0, 60, 0), (), (0,), tuple(range(40))]
Inputs = tuple[Tensor, Tensor]


def example(
    sizes: tuple[int, ...], width: int = 5, dtype: torch.dtype = torch.float64
) -> tuple[Inputs, Tensor]:
    generator = torch.Generator().manual_seed(0)
    atoms, queries = (
        torch.randn(rows, width, dtype=dtype, generator=generator).requires_grad_()
        for rows in (sum(sizes), len(sizes))
    )
    ptr = torch.tensor([0, *sizes], dtype=torch.int64).cumsum(0)
    return (atoms, queries), ptr


def derived(function: Callable[..., Tensor], inputs: Inputs, ptr: Tensor) -> list[Tensor]:
    """The result and its gradients, of a probe that is not laid out as the result is."""
    result = function(*inputs, ptr)
    probe = torch.linspace(-1, 1, result.numel(), dtype=result.dtype).view(result.mT.shape).mT.sin()
    return [result, *torch.autograd.grad(result, inputs, probe)]


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_equals_its_definition(sizes: tuple[int, ...], dtype: torch.dtype) -> None:
    close = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    inputs, ptr = example(sizes, dtype=dtype)
    for ours, plain in zip(
        derived(attend_molecules, inputs, ptr), derived(attend_molecules_plainly, inputs, ptr), strict=True
    ):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, plain, **close)


@pytest.mark.usefixtures("each_way")
def test_a_query_that_is_the_same_for_all_is_summed_over() -> None:
    (atoms, queries), ptr = example((4, 2, 9))
    one = queries[:1].detach().requires_grad_()

    def for_all(function: Callable[..., Tensor]) -> list[Tensor]:
        return derived(lambda x, q, ptr: function(x, q.expand(3, -1), ptr), (atoms, one), ptr)

    for ours, plain in zip(for_all(attend_molecules), for_all(attend_molecules_plainly), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_scores_of_thousands_find_one_atom(dtype: torch.dtype) -> None:
    (atoms, queries), ptr = example((6, 30), dtype=dtype)
    sharp = (1e4 * queries).detach()
    actual = attend_molecules(atoms, sharp, ptr)
    scores = [(part @ query).argmax() for part, query in zip(atoms.split([6, 30]), sharp, strict=True)]
    torch.testing.assert_close(actual[0], atoms[scores[0]])
    torch.testing.assert_close(actual[1], atoms[6 + scores[1]])


@pytest.mark.usefixtures("each_way")
def test_equal_scores_give_the_mean() -> None:
    (atoms, queries), ptr = example((6, 30))
    actual = attend_molecules(atoms, torch.zeros_like(queries), ptr)
    torch.testing.assert_close(actual, torch.stack([atoms[:6].mean(0), atoms[6:].mean(0)]))


@pytest.mark.usefixtures("each_way")
def test_gradients_equal_differences() -> None:
    inputs, ptr = example((3, 0, 4))
    assert torch.autograd.gradcheck(lambda x, q: attend_molecules(x, q, ptr), inputs)


def test_the_number_of_threads_does_not_matter() -> None:
    inputs, ptr = example(tuple(range(60)), 84, torch.float32)
    actual = with_threads(1, 2, run=lambda: derived(attend_molecules, inputs, ptr))
    for one, two in zip(*actual, strict=True):
        assert torch.equal(one, two)


@needs_kernels
@pytest.mark.parametrize(
    "ptr",
    [[0, 4], [0, 4, 9], [0, 4, 11], [1, 4, 10], [0, 40, 10], torch.tensor([0, 4, 10], dtype=torch.int32)],
    ids=str,
)
def test_the_kernel_reads_nothing_beyond_what_is_given(ptr: list[int] | Tensor) -> None:
    (atoms, queries), _ = example((4, 6))
    with pytest.raises(ValueError, match="molecule"):
        attend_molecules(atoms, queries, torch.as_tensor(ptr))
    with pytest.raises(ValueError, match="as wide"):
        attend_molecules(atoms, queries[:, :4], torch.tensor([0, 4, 10]))


@needs_kernels
def test_gradients_are_not_denormal() -> None:
    atoms = torch.tensor([[1.0, 0.0], [-30.0, 0.0], [-84.0, 0.0], [-86.5, 0.0]], requires_grad=True)
    queries = torch.tensor([[1.0, 0.0]], requires_grad=True)
    (1e-3 * attend_molecules(atoms, queries, torch.tensor([0, 4]))).sum().backward()
    for gradient in (atoms.grad, queries.grad):
        assert gradient is not None
        assert gradient[gradient != 0].abs().min() >= torch.finfo(torch.float32).tiny


@needs_kernels
def test_a_second_derivative_of_the_kernel_is_refused() -> None:
    inputs, ptr = example((3, 4))
    (slope,) = torch.autograd.grad(attend_molecules(*inputs, ptr).sin().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
