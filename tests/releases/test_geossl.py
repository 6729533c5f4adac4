import torch

from molbench.releases import from_released, released_name


def test_names_of_the_release() -> None:
    assert released_name("schnet", "interactions.3.conv.lin2.bias") == "interactions.3.atom_out.bias"
    assert released_name("schnet", "interactions.3.conv.nn.0.weight") is None
    assert released_name("painn", "mixing.1.intraatomic_context_net.1.bias") == "mixings.1.context.2.bias"
    assert released_name("painn", "radial_basis.widths") is None


def test_constants_and_second_copies_are_left_out() -> None:
    released = {"embedding.weight": torch.ones(9, 4), "cutoff_fn.cutoff": torch.ones(1)}
    assert set(from_released("painn", released)) == {"embedding.table.weight"}
