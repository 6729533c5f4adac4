"""Interpolation of filters: exact for cubics, of fourth order otherwise, differentiable."""

import pytest
import torch

from molbench.methods.mrl3d.interpolation import Stencil, nodes

LIMIT, SPACING = 5.0, 0.1


def stencil(distances: torch.Tensor, spacing: float = SPACING) -> tuple[torch.Tensor, Stencil]:
    at = nodes(LIMIT, spacing, distances)
    return at, Stencil.of(distances, spacing, len(at))


def distances() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.cat([LIMIT * torch.rand(40, dtype=torch.float64), torch.tensor([0.0, 0.1, 2.5, LIMIT])])


def test_cubics_are_read_exactly() -> None:
    d = distances()
    at, actual = stencil(d)
    assert at[0] < 0
    assert int(actual.index.min()) >= 0
    assert int(actual.index.max()) < len(at)
    values = torch.stack([at**power for power in range(4)], dim=-1)
    torch.testing.assert_close(actual.read(values), torch.stack([d**power for power in range(4)], dim=-1))


def test_the_error_is_of_fourth_order() -> None:
    d, errors = distances(), []
    for spacing in (0.1, 0.05):
        at, actual = stencil(d, spacing)
        errors.append((actual.read(torch.sin(3 * at)[:, None])[:, 0] - torch.sin(3 * d)).abs().max().item())
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.3)


def test_what_spreads_derivatives_is_the_transpose_of_what_reads() -> None:
    at, actual = stencil(distances())
    values, gradient = torch.randn(len(at), 2, dtype=torch.float64), torch.randn(44, 2, dtype=torch.float64)
    torch.testing.assert_close(
        (actual.read(values) * gradient).sum(), (values * actual.spread(gradient)).sum()
    )
