"""Each quirk of the release has its switch, and does what the release does."""

import torch

from molbench.backbones import build_backbone
from molbench.backbones.parts.layers import AtomEmbedding, GaussianBasis, cosine_envelope
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.testing import example_batch


def test_the_released_vocabulary_has_nine_classes() -> None:
    embedding = AtomEmbedding(4, "geossl")
    assert embedding.classes[[1, 6, 7, 8, 9, 15, 16, 17]].tolist() == list(range(8))
    assert set(embedding.classes[[2, 5, 14, 35, 53, 118]].tolist()) == {8}
    assert embedding.table.num_embeddings == 9


def test_every_element_has_its_own_vector_by_default() -> None:
    numbers = torch.arange(1, 119)
    assert len(AtomEmbedding(4, "elements")(numbers).unique(dim=0)) == 118


def test_frozen_hydrogen_is_zero_and_never_trained() -> None:
    backbone = build_backbone("painn", {"vocabulary": "geossl", "frozen_hydrogen": True})
    backbone(example_batch(dtype=torch.float32)).graph.sum().backward()
    hydrogen, carbon = backbone.get_parameter("embedding.table.weight").grad[:2]
    assert not hydrogen.any()
    assert carbon.any()
    assert not backbone.get_parameter("embedding.table.weight")[0].any()


def test_filter_bias_starts_at_random_only_in_the_release() -> None:
    name = "interactions.0.filter_out.bias"
    assert not build_backbone("schnet").get_parameter(name).any()
    assert build_backbone("schnet", {"random_filter_bias": True}).get_parameter(name).any()


def test_readout_is_a_mean_or_a_sum() -> None:
    batch = example_batch(dtype=torch.float32)
    for name in ("schnet", "painn", "torchmd-et", "visnet", "dimenet++"):
        torch.manual_seed(0)
        mean = build_backbone(name, {"readout": "mean"}).eval()
        torch.manual_seed(0)
        total = build_backbone(name, {"readout": "sum"}).eval()
        actual = total(batch)
        torch.testing.assert_close(actual.graph, sum_atoms(actual.scalars, batch))
        torch.testing.assert_close(mean(batch).graph * batch.sizes.unsqueeze(-1), actual.graph)


def test_vectors_are_not_updated_in_vain() -> None:
    backbone = build_backbone("painn")
    backbone(example_batch(dtype=torch.float32)).graph.sum().backward()
    # Rows 128-255 of the last mixing's output scale the vectors that nobody reads.
    dead = backbone.get_parameter("mixings.2.context.2.weight").grad[128:256]
    assert not dead.any()


def test_atoms_beyond_the_cutoff_do_not_see_each_other() -> None:
    numbers, ptr = torch.tensor([6, 8]), torch.tensor([0, 2])
    for name, cutoff in (("schnet", 10.0), ("painn", 5.0)):
        backbone = build_backbone(name).double()

        def at(distance: float, backbone: torch.nn.Module = backbone) -> torch.Tensor:
            positions = torch.tensor([[0.0, 0, 0], [distance, 0, 0]], dtype=torch.float64)
            return backbone(MoleculeBatch(numbers, positions, ptr)).graph

        torch.testing.assert_close(at(cutoff + 0.1), at(cutoff + 5))
        # Continuous where a pair enters.
        torch.testing.assert_close(at(cutoff - 1e-5), at(cutoff + 1e-5), rtol=1e-6, atol=1e-6)
        assert not torch.allclose(at(cutoff - 1), at(cutoff + 1))


def test_envelope_and_basis_by_hand() -> None:
    d = torch.tensor([0.0, 2.5, 5.0, 6.0], dtype=torch.float64)
    torch.testing.assert_close(cosine_envelope(d, 5.0), torch.tensor([1, 0.5, 0, 0], dtype=torch.float64))
    # Spacing and width are 2.5: one width off centre is exp(-1/2), two are exp(-2).
    expected = torch.tensor([-0.5, 0.0, -0.5], dtype=torch.float64).exp()
    torch.testing.assert_close(GaussianBasis(3, 5.0)(d[1:2])[0], expected)
