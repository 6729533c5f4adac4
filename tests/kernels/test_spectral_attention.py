"""Attention of spectra equals its definition, from the kernel as from PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.kernels import spectral_attention
from molbench.kernels.library import library
from molbench.kernels.spectral_attention import attend, attend_plainly
from tests.eager import needs_kernels, with_threads

# B, heads, L, K, D
SHAPES = [
    (2, 3, 1, 6, 2),
    (1, 2, 7, 5, 5),
    (2, 2, 16, 8, 8),
    (1, 3, 83, 24, 8),
    (1, 2, 130, 17, 9),
    (1, 2, 347, 16, 8),
    (0, 2, 5, 4, 4),
]
Inputs = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(params=["kernel", "library"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel, where this machine has one, and what stands in for it."""
    if request.param == "library":
        monkeypatch.setattr(spectral_attention, "usable", lambda *_: False)
    elif library() is None:
        pytest.skip("no C compiler, or MOLBENCH_KERNELS=0")


def example(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, size: float = 1.0) -> Inputs:
    generator = torch.Generator().manual_seed(0)

    def draw(width: int) -> Tensor:
        return size * torch.randn(*shape[:3], width, dtype=dtype, generator=generator)

    q, k, v = draw(shape[3]), draw(shape[3]), draw(shape[4])
    return q.requires_grad_(), k.requires_grad_(), v.requires_grad_()


def derived(function: Callable[..., Tensor], inputs: Inputs, scale: float = 0.4) -> list[Tensor]:
    """The result and its three gradients, of a probe that is not laid out as the result is."""
    result = function(*inputs, scale)
    probe = torch.linspace(-1, 1, result.numel(), dtype=result.dtype)
    return [result, *torch.autograd.grad(result, inputs, probe.view(result.mT.shape).mT.sin())]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_its_definition(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    close = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    inputs = example(shape, dtype)
    for ours, plain in zip(derived(attend, inputs), derived(attend_plainly, inputs), strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, plain, **close)


@pytest.mark.usefixtures("path")
def test_views_that_are_not_contiguous() -> None:
    q, k, v = (tensor.detach() for tensor in example((2, 19, 3, 6, 6)))
    views = tuple(tensor.transpose(1, 2).requires_grad_() for tensor in (q, k, v[..., ::2]))
    copies = tuple(tensor.detach().contiguous().requires_grad_() for tensor in views)
    for ours, plain in zip(derived(attend, views), derived(attend_plainly, copies), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_scores_of_thousands_do_not_overflow(dtype: torch.dtype) -> None:
    q, k, v = example((1, 2, 21, 6, 3), dtype, size=20.0)
    assert 1e3 < (q @ k.mT).abs().max() < 1e4
    close = {"rtol": 1e-10, "atol": 1e-8} if dtype == torch.float64 else {"rtol": 1e-2, "atol": 1e-2}
    for ours, plain in zip(
        derived(attend, (q, k, v), 1.0), derived(attend_plainly, (q, k, v), 1.0), strict=True
    ):
        assert ours.isfinite().all()
        torch.testing.assert_close(ours, plain, **close)


@pytest.mark.usefixtures("path")
def test_equal_scores_give_the_mean() -> None:
    _, k, v = example((1, 2, 21, 6, 3))
    actual = attend(torch.zeros_like(k), k, v, 1.0)
    torch.testing.assert_close(actual, v.mean(dim=2, keepdim=True).expand_as(v))


@pytest.mark.usefixtures("path")
def test_gradients_equal_differences() -> None:
    assert torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, 0.7), example((2, 1, 5, 4, 3)))


def test_the_number_of_threads_does_not_matter() -> None:
    inputs = example((3, 5, 83, 8, 8), torch.float32)
    actual = with_threads(1, 2, run=lambda: list(derived(attend, inputs)))
    for one, two in zip(*actual, strict=True):
        assert torch.equal(one, two)


@needs_kernels
def test_a_second_derivative_of_the_kernel_is_refused() -> None:
    inputs = example((1, 2, 5, 4, 4))
    (slope,) = torch.autograd.grad(attend(*inputs, 0.4).sin().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
