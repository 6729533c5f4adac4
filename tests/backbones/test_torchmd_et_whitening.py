"""The whitened norm, by kernels and without, and what its regulariser does to rotations."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.whitening import Regulariser, Whitening, inverse_square_root, whiten_plainly
from molbench.testing import assert_equivariant, example_batch, random_rotation
from tests.eager import each_way, needs_kernels, with_threads  # noqa: F401 - a fixture among them

REGULARISERS: list[Regulariser] = ["isotropic", "anisotropic"]
SPECTRA = {
    "generic": [0.3, 1.7, 5.0],
    "two equal": [2.0, 2.0, 7.0],
    "all equal": [3.0, 3.0, 3.0],
    "linear molecule": [2e-5, 2e-5, 40.0],
    "planar molecule": [2e-5, 1.0, 1.5],
}


def matrix(values: list[float], seed: int = 0) -> Tensor:
    turn = random_rotation(seed=seed)
    return (turn @ torch.tensor(values, dtype=torch.float64).diag() @ turn.T).unsqueeze(0)


def by_svd(vectors: Tensor, diagonal: Tensor) -> Tensor:
    """The definition: singular values and vectors of the covariance."""
    x = vectors - vectors.mean(-1, keepdim=True)
    u, s, _ = torch.linalg.svd(x @ x.mT / x.shape[-1] + diagonal)
    return u @ torch.diag_embed((s + 1e-5).rsqrt()) @ u.mT @ x


@pytest.mark.parametrize("kind", SPECTRA)
def test_squares_to_the_inverse(kind: str) -> None:
    a = matrix(SPECTRA[kind])
    root = inverse_square_root(a)
    torch.testing.assert_close(root @ a @ root, torch.eye(3, dtype=a.dtype).unsqueeze(0))
    torch.testing.assert_close(root, root.mT)


@pytest.mark.parametrize("kind", ["generic", "two equal", "all equal"])
def test_derivatives_equal_differences_whatever_the_eigenvalues(kind: str) -> None:
    a = matrix(SPECTRA[kind]).requires_grad_()

    def root(a: Tensor) -> Tensor:
        return inverse_square_root((a + a.mT) / 2)

    assert torch.autograd.gradcheck(root, (a,))
    assert torch.autograd.gradgradcheck(root, (a,))


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("regulariser", REGULARISERS)
def test_equals_the_definition(regulariser: Regulariser) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(20, 3, 16, generator=generator, dtype=torch.float64)
    vectors[:5, 2] = 0  # planar
    vectors[5] = 0
    norm = Whitening(16, regulariser).double()
    values = [1.0, 1, 1] if regulariser == "isotropic" else [1.0, 2, 3]
    expected = by_svd(vectors, 1e-5 * torch.tensor(values, dtype=torch.float64).diag())
    torch.testing.assert_close(norm(vectors), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.usefixtures("each_way")
def test_whitened_vectors_have_the_unit_covariance() -> None:
    vectors = 30 * torch.randn(4, 3, 200, dtype=torch.float64)
    white = Whitening(200).double()(vectors)
    assert white.mean(-1).abs().max() < 1e-12
    expected = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    torch.testing.assert_close(white @ white.mT / 200, expected, rtol=1e-6, atol=1e-6)


def octahedra(turn: Tensor) -> Tensor:
    """Vectors [1, 3, 48] whose covariance has three equal eigenvalues."""
    return (turn @ torch.cat([torch.eye(3), -torch.eye(3)], dim=1).double().repeat(1, 8)).unsqueeze(0)


def vectors_of(kind: str) -> Tensor:
    """Vectors [35, 3, 48], of atoms that do not fill the last block of a sum over atoms."""
    vectors = torch.randn(35, 3, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turn = random_rotation(seed=3)
    zeros = torch.zeros(1, 48, dtype=torch.float64)
    return {
        "generic": 3 * vectors + 2,
        "graded": vectors * torch.tensor([[100.0], [1.0], [0.01]], dtype=torch.float64),
        "planar": torch.cat([vectors[:, :2], zeros.expand(35, 1, 48)], dim=1),
        "planar, turned": turn @ torch.cat([vectors[:, :2], zeros.expand(35, 1, 48)], dim=1),
        "linear": torch.cat([zeros.expand(35, 2, 48), vectors[:, :1]], dim=1),
        "zero": torch.zeros_like(vectors),
        "equal eigenvalues": octahedra(torch.eye(3, dtype=torch.float64)).expand(35, 3, 48),
        "equal eigenvalues, turned": octahedra(turn).expand(35, 3, 48),
    }[kind]


# Without the turned planes, whose rounding to single precision is itself whitened, 220-fold.
ALIGNED = ["generic", "graded", "planar", "linear", "zero", "equal eigenvalues"]
KINDS = [*ALIGNED, "planar, turned", "equal eigenvalues, turned"]
Form = Callable[[Tensor, Tensor, Tensor], Tensor]


def by_module(vectors: Tensor, weight: Tensor, diagonal: Tensor) -> Tensor:
    norm = Whitening(len(weight)).to(vectors.dtype)
    return torch.func.functional_call(norm, {"weight": weight, "diagonal": diagonal}, (vectors,))


def derived(form: Form, vectors: Tensor, regulariser: Regulariser = "isotropic") -> list[Tensor]:
    """The result and its gradients by vectors and weight, of a probe that is not laid out as they are."""
    vectors = vectors.detach().requires_grad_()
    weight = torch.linspace(0.5, 2, vectors.shape[-1], dtype=vectors.dtype).requires_grad_()
    diagonal = Whitening(1, regulariser).diagonal.double()
    result = form(vectors, weight, diagonal)
    probe = torch.linspace(-20, 20, result.numel(), dtype=result.dtype).sin().view(result.mT.shape).mT
    return [result.detach(), *torch.autograd.grad(result, (vectors, weight), probe)]


@needs_kernels
@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_equal_the_plain_form(kind: str, regulariser: Regulariser) -> None:
    vectors = vectors_of(kind)
    expected = derived(whiten_plainly, vectors, regulariser)
    for ours, plain in zip(derived(by_module, vectors, regulariser), expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9 * float(plain.abs().max()))


@needs_kernels
@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("kind", ALIGNED)
def test_single_precision_is_close_to_double(kind: str, regulariser: Regulariser) -> None:
    vectors = vectors_of(kind).float()
    expected = derived(whiten_plainly, vectors.double(), regulariser)
    for ours, plain in zip(derived(by_module, vectors, regulariser), expected, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), plain, rtol=1e-5, atol=1e-5 * float(plain.abs().max()))


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("kind", ["generic", "planar", "zero", "equal eigenvalues", "planar, turned"])
def test_gradients_and_their_gradients_equal_differences(kind: str) -> None:
    vectors = vectors_of(kind)[:2, :, :6].clone().requires_grad_()
    weight = torch.linspace(0.5, 2, 6, dtype=torch.float64).requires_grad_()
    diagonal = Whitening(6, "anisotropic", epsilon=0.1).diagonal.double()

    def whiten(vectors: Tensor, weight: Tensor) -> Tensor:
        return by_module(vectors, weight, diagonal)

    assert torch.autograd.gradcheck(whiten, (vectors, weight))
    assert torch.autograd.gradgradcheck(whiten, (vectors, weight))


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("create_graph", [False, True])
def test_each_gradient_can_be_had_alone(create_graph: bool) -> None:
    vectors, norm = vectors_of("generic"), Whitening(48).double()
    both = torch.autograd.grad(norm(vectors.requires_grad_()).square().sum(), (vectors, norm.weight))
    of_weight = torch.autograd.grad(
        norm(vectors.detach()).square().sum(), norm.weight, create_graph=create_graph
    )
    norm.weight.requires_grad_(False)
    of_vectors = torch.autograd.grad(norm(vectors).square().sum(), vectors, create_graph=create_graph)
    for alone, one in zip((*of_vectors, *of_weight), both, strict=True):
        torch.testing.assert_close(alone, one)


@pytest.mark.usefixtures("each_way")
def test_no_atoms() -> None:
    norm = Whitening(8)
    white = norm(torch.zeros(0, 3, 8, requires_grad=True))
    white.sum().backward()
    assert white.shape == (0, 3, 8)
    assert torch.equal(norm.weight.grad, torch.zeros(8))


@pytest.mark.usefixtures("each_way")
def test_vectors_of_another_width_are_refused() -> None:
    with pytest.raises(RuntimeError, match="must match"):
        Whitening(8)(torch.zeros(2, 3, 7))


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_any_number_of_threads_gives_the_same_bits(dtype: torch.dtype) -> None:
    vectors = vectors_of("generic").to(dtype).repeat(50, 1, 1)
    actual = with_threads(1, 3, run=lambda: derived(by_module, vectors))
    assert all(torch.equal(*both) for both in zip(*actual, strict=True))


@needs_kernels
@pytest.mark.parametrize("kind", ["planar", "planar, turned"])
def test_rounding_of_large_vectors_does_no_harm(kind: str) -> None:
    """Rounding of eigenvalues of 1e20 is far larger than ε, and may have either sign."""
    for values in derived(by_module, 1e10 * vectors_of(kind)):
        assert values.isfinite().all()


def rotation_error(backbone: Backbone, batch: MoleculeBatch) -> tuple[float, float]:
    """Largest change of scalars, and of vectors turned back, under a rotation."""
    turn = random_rotation(seed=1)
    with torch.no_grad():
        still = backbone(batch, vectors=True)
        moved = backbone(batch.replace(positions=batch.positions @ turn.T), vectors=True)
    back = torch.einsum("ij,njv->niv", turn.T, moved.vectors)
    return float((moved.scalars - still.scalars).abs().max()), float((back - still.vectors).abs().max())


def test_audit_of_the_releases_symmetry() -> None:
    """Vectors of the release do not rotate with the molecule, with its layer norms not even scalars stay."""
    batch = example_batch((9, 7, 12))
    errors = {}
    for regulariser in ("isotropic", "anisotropic"):
        for layer_norms in (False, True):
            torch.manual_seed(0)
            config = {"width": 32, "layers": 3, "heads": 4, "radial": 16, "layer_norms": layer_norms}
            backbone = build_backbone("torchmd-et", config | {"regulariser": regulariser}).double()
            errors[regulariser, layer_norms] = rotation_error(backbone, batch)
    for layer_norms in (False, True):
        assert max(errors["isotropic", layer_norms]) < 1e-9
        assert errors["anisotropic", layer_norms][1] > 1e-3
    assert errors["anisotropic", False][0] < 1e-9
    assert errors["anisotropic", True][0] > 1e-6


@pytest.mark.parametrize("flat", [1, 2])
def test_linear_and_planar_molecules_rotate_with_the_final_norm_alone(flat: int) -> None:
    torch.manual_seed(0)
    batch = example_batch((7,))
    positions = batch.positions.clone()
    positions[:, flat:] = 0
    turned = batch.replace(positions=positions @ random_rotation(seed=5).T)
    backbone = build_backbone("torchmd-et", {"width": 32, "layers": 3, "heads": 4}).double()
    assert max(rotation_error(backbone, turned)) < 1e-10


def test_translations_and_reflections_with_layer_norms() -> None:
    torch.manual_seed(0)
    config = {"width": 32, "layers": 3, "heads": 4, "radial": 16, "layer_norms": True}
    assert_equivariant(build_backbone("torchmd-et", config).double(), example_batch((9, 7)), atol=1e-8)
