from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.backbones.painn import PaiNN
from molbench.backbones.schnet import SchNet
from molbench.backbones.torchmd_et import TorchMDET
from molbench.graph.neighbors import radius_edges
from molbench.kernels.convolution import convolve_plainly
from molbench.kernels.edges import EdgeList
from molbench.kernels.interpolation import convolve_interpolated, grid, interpolate, interpolation
from molbench.kernels.library import usable
from molbench.testing import example_batch
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")

END, INTERVALS = 5.0, 40


def cubic(distances: Tensor) -> Tensor:
    powers = torch.stack([distances**n for n in range(4)], dim=-1)
    return powers @ torch.tensor([[1.0, -2.0], [0.5, 0.1], [-0.3, 0.2], [0.05, -0.01]], dtype=distances.dtype)


def test_cubic_polynomials_come_out_exactly() -> None:
    distances = torch.rand(200, dtype=torch.float64) * END
    distances[:3] = torch.tensor([0.0, END / INTERVALS, END - 1e-12], dtype=torch.float64)
    table = cubic(grid(END, INTERVALS, like=distances))
    values = interpolation(distances, END, INTERVALS).values(table)
    torch.testing.assert_close(values, cubic(distances), rtol=1e-12, atol=1e-12)


def test_beyond_the_end_filters_are_zero() -> None:
    distances = torch.tensor([END, END + 1e-9, 10 * END], dtype=torch.float64)
    table = cubic(grid(END, INTERVALS, like=distances))
    assert not interpolation(distances, END, INTERVALS).values(table).any()


def test_the_error_falls_with_the_fourth_power_of_the_spacing() -> None:
    distances = torch.rand(1000, dtype=torch.float64) * END

    def error(intervals: int) -> float:
        table = grid(END, intervals, like=distances).sin().unsqueeze(-1)
        values = interpolation(distances, END, intervals).values(table)
        return float((values - distances.sin().unsqueeze(-1)).abs().max())

    assert error(20) / error(40) == pytest.approx(16, rel=0.25)


@pytest.mark.parametrize("components", [(), (1,), (3,)])
@pytest.mark.parametrize("sizes", [(5, 1, 7), (1, 2)])
def test_sum_and_gradients_are_those_of_the_filters_written_out(
    sizes: tuple[int, ...], components: tuple[int, ...]
) -> None:
    batch = example_batch(sizes)
    edges = radius_edges(batch, END)
    at = interpolation(edges.distances(batch.positions).double(), END, INTERVALS)
    features = torch.randn(batch.num_atoms, *components, 6, dtype=torch.float64, requires_grad=True)
    table = torch.randn(INTERVALS + 4, 6, dtype=torch.float64, requires_grad=True)

    def both(sums: Tensor) -> list[Tensor]:
        return [sums, *torch.autograd.grad(sums.tanh().sum(), (features, table))]

    ours = both(convolve_interpolated(edges, features, table, at))
    plain = both(convolve_plainly(edges, features, at.values(table)))
    for actual, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda x, t: convolve_interpolated(edges, x, t, at), (features, table))


def test_filters_between_rows_have_the_gradient_of_their_definition() -> None:
    at = interpolation(torch.rand(30, dtype=torch.float64) * END, END, INTERVALS)
    table = torch.randn(INTERVALS + 4, 6, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(interpolate(table, at), at.values(table), rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda t: interpolate(t, at), table)


def test_directed_edges_are_summed_by_their_definition() -> None:
    edges = EdgeList(torch.tensor([0, 0]), torch.tensor([1, 2]), symmetric=False)
    at = interpolation(torch.tensor([1.0, 2.0]), END, INTERVALS)
    features, table = torch.randn(3, 2), torch.randn(INTERVALS + 4, 2)
    expected = convolve_plainly(edges, features, at.values(table))
    torch.testing.assert_close(convolve_interpolated(edges, features, table, at), expected)


def steep_schnet(scale: float) -> SchNet:
    model = SchNet()
    for interaction in model.interactions:
        interaction.filter_in.weight.data.mul_(scale)
    return model


def steep_transformer(scale: float) -> TorchMDET:
    model = TorchMDET()
    for layer in model.layers:
        layer.key_filter.weight.data.mul_(scale)
        layer.value_filter.weight.data.mul_(scale)
    return model


def steep_painn(scale: float) -> PaiNN:
    model = PaiNN()
    model.filters.weight.data.mul_(scale)
    return model


@pytest.mark.parametrize("make", [steep_schnet, steep_painn, steep_transformer])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_grid_is_as_exact_as_single_precision(
    make: Callable[[float], SchNet | PaiNN | TorchMDET], scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters of fresh weights and of three times steeper ones, against double precision."""
    torch.manual_seed(0)
    model = make(scale)
    batch = example_batch((18,) * 8)
    reference = type(model)().double()
    reference.load_state_dict(model.state_dict())
    edges = model.neighbors(batch)

    def loss_and_gradient(net: SchNet | PaiNN | TorchMDET, on_grid: bool) -> tuple[float, Tensor]:
        monkeypatch.setattr(net, "_uses_grid", lambda *_: on_grid)
        given = batch.to(torch.device("cpu"), torch.float32 if net is model else torch.float64)
        net.zero_grad()
        loss = net(given, edges).scalars.square().mean()
        loss.backward()
        gradients = [p.grad.flatten() for p in net.parameters() if p.grad is not None]
        return float(loss.detach()), torch.cat(gradients).double()

    exact_loss, exact = loss_and_gradient(reference, on_grid=False)
    for on_grid in (False, True):
        loss, gradient = loss_and_gradient(model, on_grid)
        assert loss == pytest.approx(exact_loss, rel=1e-6)
        assert float((gradient - exact).norm() / exact.norm()) < 2e-6


@pytest.mark.parametrize("model", [SchNet(), PaiNN(), TorchMDET()])
def test_forces_double_precision_and_few_edges_have_filters_of_their_own(
    model: SchNet | PaiNN | TorchMDET,
) -> None:
    edges = model.neighbors(example_batch((25,) * 15))
    least = 2 * (model.basis if isinstance(model, TorchMDET) else model).intervals
    many, few = torch.rand(edges.num_edges), torch.rand(least)
    pairs = EdgeList(edges.source[:least], edges.target[:least], symmetric=True)
    assert edges.num_edges > least
    assert not model._uses_grid(pairs, few)
    assert not model._uses_grid(edges, many.requires_grad_())
    assert not model._uses_grid(edges, many.detach().double())
    assert model._uses_grid(edges, many.detach()) == usable(many)
    with torch.no_grad():
        assert not model._uses_grid(edges, many.detach())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not model._uses_grid(edges, many.detach())
