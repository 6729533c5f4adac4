"""The whitened norm, and what its regulariser does to rotations."""

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.backbones.whitening import Whitening, inverse_square_root
from molbench.graph.batch import Batch
from molbench.testing import assert_equivariant, example_batch, random_rotation

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


@pytest.mark.parametrize("regulariser", ["isotropic", "anisotropic"])
def test_equals_the_plain_form(regulariser: str) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(20, 3, 16, generator=generator, dtype=torch.float64)
    vectors[:5, 2] = 0  # planar
    vectors[5] = 0
    norm = Whitening(16, regulariser).double()  # type: ignore[arg-type]
    values = [1.0, 1, 1] if regulariser == "isotropic" else [1.0, 2, 3]
    expected = by_svd(vectors, 1e-5 * torch.tensor(values, dtype=torch.float64).diag())
    torch.testing.assert_close(norm(vectors), expected, rtol=1e-8, atol=1e-10)


def test_whitened_vectors_have_the_unit_covariance() -> None:
    vectors = 30 * torch.randn(4, 3, 200, dtype=torch.float64)
    white = Whitening(200).double()(vectors)
    assert white.mean(-1).abs().max() < 1e-12
    expected = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    torch.testing.assert_close(white @ white.mT / 200, expected, rtol=1e-6, atol=1e-6)


def rotation_error(backbone: Backbone, batch: Batch) -> tuple[float, float]:
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
