"""The library's models on our neighbours equal the library's own forward pass on the same edges."""

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre, spherical_jn
from torch import Tensor
from torch_geometric.nn.models import DimeNetPlusPlus
from torch_geometric.nn.models import dimenet as library_dimenet
from torch_geometric.nn.models import visnet as library_visnet
from torch_geometric.nn.models.visnet import ViSNetBlock

from molbench.backbones import build_backbone
from molbench.backbones.parts.spherical import SphericalBasis, bessel_zeros
from molbench.errors import UserError
from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.testing import assert_equivariant, example_batch


def edges_of(batch: object, cutoff: float = 5.0, *, loops: bool) -> Tensor:
    both = radius_edges(batch, cutoff).directed()  # type: ignore[arg-type]
    index = torch.stack([both.source, both.target])
    atoms = torch.arange(batch.num_atoms)  # type: ignore[attr-defined]
    return torch.cat([index, torch.stack([atoms, atoms])], dim=-1) if loops else index


@pytest.mark.parametrize("config", [{}, {"degree": 2, "vertex": True, "layers": 3}], ids=str)
def test_visnet(config: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    ours, batch = build_backbone("visnet", config), example_batch((5, 1, 9), dtype=torch.float32)
    theirs = ViSNetBlock(lmax=ours.config.degree, num_layers=ours.config.layers, vertex=ours.config.vertex)
    state = {name.removeprefix("block."): value for name, value in ours.state_dict().items()}
    theirs.load_state_dict(state)
    monkeypatch.setattr(library_visnet, "radius_graph", lambda *_, **__: edges_of(batch, loops=True))
    scalars, vectors = theirs(batch.atomic_numbers, batch.positions, batch.molecule)
    encoded = ours(batch, vectors=True)
    torch.testing.assert_close(encoded.scalars, scalars)
    torch.testing.assert_close(encoded.vectors, vectors[:, :3])


def test_visnet_of_degree_two_rotates() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("visnet", {"degree": 2, "vertex": True, "layers": 2, "width": 16, "heads": 2})
    assert_equivariant(backbone.double(), atol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"heads": 3}, "3 heads cannot share a width of 128"),
        ({"degree": 3}, "'degree'.* less than or equal to 2"),
    ],
    ids=["heads", "degree"],
)
def test_visnet_refuses_what_the_library_cannot(config: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_backbone("visnet", config)


def triplets_by_loops(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, ...]:
    """What the library's triplets returns, found by loops."""
    pairs = list(zip(*edge_index.tolist(), strict=True))
    rows = [
        (i, j, k, kj, ji)
        for ji, (j, i) in enumerate(pairs)
        for kj, (k, end) in enumerate(pairs)
        if end == j and k != i
    ]
    actual = torch.tensor(rows, dtype=torch.int64).view(-1, 5)
    return edge_index[1], edge_index[0], *actual.unbind(-1)


@pytest.mark.slow
def test_dimenet(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    # Few functions: the library derives each of them symbolically.
    config = {"spherical": 3, "radial": 3}
    ours, batch = build_backbone("dimenet++", config).double(), example_batch((5, 1, 6))
    theirs = DimeNetPlusPlus(128, 128, 4, 64, 8, 256, 3, 3).double()
    theirs.load_state_dict(ours.state_dict())
    monkeypatch.setattr(library_dimenet, "radius_graph", lambda *_, **__: edges_of(batch, loops=False))
    monkeypatch.setattr(library_dimenet, "triplets", triplets_by_loops)
    graph = theirs(batch.atomic_numbers, batch.positions, batch.molecule)
    # Its normalisers have single precision.
    torch.testing.assert_close(ours(batch).graph, graph, rtol=1e-5, atol=1e-6)


def test_spherical_basis_is_made_of_its_functions() -> None:
    basis = SphericalBasis(7, 6, 5.0)
    distances, angles = torch.linspace(0.7, 4.9, 8).double(), torch.linspace(0.1, 3.1, 8).double()
    actual = basis(distances, angles, torch.arange(8)).view(8, 7, 6)
    zeros = bessel_zeros(7, 6)
    assert abs(spherical_jn(np.arange(7)[:, None], zeros)).max() < 1e-12
    assert (np.diff(zeros) > 0).all()
    x = distances.numpy()[:, None, None] / 5 * zeros
    orders = np.arange(7)[None, :, None]
    norm = np.sqrt(2) / abs(spherical_jn(orders + 1, zeros))
    envelope = basis.envelope(distances / 5).numpy()[:, None, None]
    harmonics = eval_legendre(orders, np.cos(angles.numpy())[:, None, None])
    harmonics = np.sqrt((2 * orders + 1) / (4 * np.pi)) * harmonics
    expected = envelope * norm * spherical_jn(orders, x) * harmonics
    torch.testing.assert_close(actual, torch.from_numpy(expected), rtol=1e-7, atol=1e-9)


def test_forces_of_a_linear_molecule_are_finite() -> None:
    torch.manual_seed(0)
    batch = example_batch((3,))
    positions = torch.tensor([[0.0, 0, 0], [1.2, 0, 0], [2.4, 0, 0]], dtype=torch.float64, requires_grad=True)
    backbone = build_backbone("dimenet++", {"blocks": 1}).double()
    graph = backbone(batch.replace(positions=positions), all_pairs(batch.ptr)).graph
    (forces,) = torch.autograd.grad(graph.sum(), positions, create_graph=True)
    forces.square().sum().backward()
    assert positions.grad is not None
    assert positions.grad.isfinite().all()
