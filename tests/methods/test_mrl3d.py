"""3DMRL computes what its release computes, and obeys its laws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import build_method, load_settings
from molbench.methods.mrl3d.objective import MRL3D, MRL3DConfig, placed_bonds
from molbench.methods.mrl3d.reader import ConformerPairBatch
from molbench.methods.mrl3d.solvent_shell import draw_shells
from molbench.releases import released_name
from molbench.testing import example_batch, random_rotation
from tests.backbones.relational_pairs import example_pairs
from tests.golden_files import Golden, read_golden, tolerance
from tests.methods.learning import losses_on
from tests.methods.mrl3d_golden import released_batch, released_method

SIZES = ((12, 4), (3, 1), (9, 6), (6, 2))
SMALL = {"projection": 8, "filters": 8, "interactions": 3, "gaussians": 8, "hidden": 8, "edge_hidden": 8}


def fixture_of(golden: Path) -> Golden:
    return read_golden(golden, "mrl3d_mi_pretrain_step")


def close(ours: Tensor, fixture: Golden, key: str, *, loss: bool = False) -> None:
    torch.testing.assert_close(
        ours,
        fixture[key].to(ours.dtype),
        **tolerance(ours.dtype, loss=loss),
        msg=lambda message: f"{key}: {message}",
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_a_step_of_the_release(dtype: torch.dtype, golden: Path) -> None:
    fixture = fixture_of(golden)
    method = released_method(fixture, dtype)
    batch, draws = released_batch(golden, dtype)
    shell = method.surround(batch, draws)
    close(shell.positions, fixture, "env_pos")
    encoded = method.backbone.encode(batch.pairs)
    close(method.projector(encoded.graph), fixture, "z2")
    close(method.shell_encoder.schnet(shell.batch()).scalars, fixture, "schnet_atom_vectors")
    close(method.shell_encoder(shell, batch.b), fixture, "z3")
    close(method.eval().predict_forces(batch, shell, encoded), fixture, "force_prediction_eval")

    _, logs = method.loss_given(batch, draws)
    close(logs["force"], fixture, "force_loss_eval", loss=True)
    total, logs = method.train().loss_given(batch, draws)
    close(logs["2d_to_3d"], fixture, "contrastive_2d3d", loss=True)
    close(logs["3d_to_2d"], fixture, "contrastive_3d2d", loss=True)
    close(logs["force"], fixture, "force_loss_train_nodropout", loss=True)
    close(total, fixture, "total_loss", loss=True)
    total.backward()
    name = "solute_gather.conv.nn.0.weight"
    gradient = method.backbone.get_parameter(str(released_name("cigin", name))).grad
    assert gradient is not None
    scale = fixture[f"grad.2d.{name}"].abs().max().item()
    torch.testing.assert_close(
        gradient / scale, fixture[f"grad.2d.{name}"].to(dtype) / scale, **tolerance(dtype, loss=True)
    )


@pytest.mark.slow
def test_rigid_copies_share_their_filters(golden: Path) -> None:
    fixture = fixture_of(golden)
    batch, draws = released_batch(golden, torch.float64)
    method = released_method(fixture, torch.float64, max_neighbors=None)
    shell = method.surround(batch, draws)
    fast, plain = method.shell_encoder(shell, batch.b), method.shell_encoder.plainly(shell)
    # Filters are interpolated, to the rounding of single precision.
    torch.testing.assert_close(fast, plain, rtol=1e-6, atol=1e-7)
    wanted = [parameter for _, parameter in method.shell_encoder.named_parameters()]
    pair = [torch.autograd.grad(z.square().sum(), wanted, allow_unused=True) for z in (fast, plain)]
    for left, right in zip(*pair, strict=True):
        scale = right.abs().max()
        torch.testing.assert_close(left / scale, right / scale, rtol=1e-6, atol=1e-6)


def example(name: str = "cigin", **config: object) -> tuple[MRL3D, ConformerPairBatch]:
    torch.manual_seed(0)
    backbone = build_backbone(name, {"hidden": 16} if name == "gin-cigin" else {})
    method = build_method("3dmrl", backbone, {**SMALL, "dropout": 0.0, **config}).double()
    assert isinstance(method, MRL3D)
    assert isinstance(backbone, PairBackbone)
    pairs = example_pairs(SIZES, backbone.features)
    a, b = (example_batch([size[side] for size in SIZES], seed=side) for side in (0, 1))
    return method, ConformerPairBatch(pairs, a, b)


def turned(batch: ConformerPairBatch, rotation: Tensor, shift: float = 0.0) -> ConformerPairBatch:
    def moved(part: MoleculeBatch) -> MoleculeBatch:
        return part.replace(positions=part.positions @ rotation.t() + shift)

    return ConformerPairBatch(batch.pairs, moved(batch.a), moved(batch.b))


@pytest.mark.parametrize("variant", ["intended", "faithful"])
def test_the_head_of_the_release_stays_as_it_was_drawn(variant: str) -> None:
    frozen = load_settings("3dmrl", variant).method.get("frozen_head", False)
    method, batch = example(frozen_head=frozen)
    loss, logs = method.loss(batch, torch.Generator().manual_seed(1))
    assert set(logs) == {"2d_to_3d", "3d_to_2d", "force"}
    loss.backward()
    head = [p.grad for p in method.head.parameters()]
    assert all(gradient is None for gradient in head) == frozen == (variant == "faithful")


@pytest.mark.parametrize("absolute", [False, True])
def test_predicted_forces_turn_with_the_shell(absolute: bool) -> None:
    method, batch = example(absolute_frames=absolute)
    method.eval()
    shell = method.surround(batch, draw_shells(batch.a, 5, torch.Generator().manual_seed(0)))
    encoded = method.backbone.encode(batch.pairs)
    rotation = random_rotation()

    def forces(rotation: Tensor, shift: float) -> Tensor:
        moved = replace(shell, positions=shell.positions @ rotation.t() + shift)
        return method.predict_forces(turned(batch, rotation, shift), moved, encoded)

    still, identity = forces(torch.eye(3, dtype=torch.float64), 0.0), torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(forces(rotation, 0.0), still @ rotation.t())
    # The released frames are those of the vectors from the origin of coordinates.
    assert torch.allclose(forces(identity, 1.0), still) != absolute


def test_environments_are_seen_the_same_from_all_sides() -> None:
    method, batch = example()
    shell = method.surround(batch, draw_shells(batch.a, 5, torch.Generator().manual_seed(0)))
    rotation = random_rotation(reflect=True)
    moved = replace(shell, positions=shell.positions @ rotation.t() + 2.0)
    torch.testing.assert_close(method.shell_encoder(moved, batch.b), method.shell_encoder(shell, batch.b))


def test_bonds_of_copies_are_those_of_the_solvent() -> None:
    method, batch = example()
    shell = method.surround(batch, draw_shells(batch.a, 5, torch.Generator().manual_seed(0)))
    bonds = placed_bonds(shell, batch.pairs.b.bonds, batch.b.num_atoms, 5)
    origins = {tuple(sorted(bond)) for bond in shell.origin[bonds].t().tolist()}
    assert origins == {tuple(sorted(bond)) for bond in batch.pairs.b.bonds.tolist()}
    assert torch.equal(shell.anchor[bonds[0]], shell.anchor[bonds[1]])
    assert len({frozenset(bond) for bond in bonds.t().tolist()}) == bonds.shape[1]


def test_without_copies_there_is_only_contrast() -> None:
    method, batch = example(copies=0)
    loss, logs = method.loss(batch, torch.Generator().manual_seed(0))
    assert set(logs) == {"2d_to_3d", "3d_to_2d"}
    torch.testing.assert_close(loss.detach(), logs["2d_to_3d"] + logs["3d_to_2d"])
    far = ConformerPairBatch(batch.pairs, batch.a, batch.b.replace(positions=3 * batch.b.positions))
    assert torch.equal(method.loss(far, torch.Generator().manual_seed(0))[0], loss)


def test_one_pair_cannot_be_contrasted() -> None:
    method, _ = example()
    single = ConformerPairBatch(example_pairs(((5, 3),)), example_batch((5,)), example_batch((3,)))
    with pytest.raises(UserError, match="batches of two or more"):
        method.loss(single, torch.Generator())


def test_what_cannot_be_pretrained_is_refused() -> None:
    with pytest.raises(UserError, match="encoders of pairs; 'schnet' encodes molecules"):
        build_method("3dmrl", build_backbone("schnet", {"interactions": 1}))
    with pytest.raises(UserError, match="hydrogens=true"):
        build_method("3dmrl", build_backbone("cigin", {"hydrogens": False}))
    with pytest.raises(UserError, match="encoders of molecules; 'cigin' encodes pairs"):
        build_method("coord", build_backbone("cigin"))


def test_solvents_of_single_atoms_have_no_bonds() -> None:
    method, _ = example()
    sizes = ((5, 1), (4, 1))
    batch = ConformerPairBatch(example_pairs(sizes), example_batch((5, 4)), example_batch((1, 1)))
    loss, logs = method.loss(batch, torch.Generator().manual_seed(0))
    assert loss.isfinite()
    assert logs["force"] >= 0
    assert not any(buffer.isnan().any() for buffer in method.buffers())


@pytest.mark.slow
def test_a_step_lowers_the_loss() -> None:
    method, batch = example()
    losses = losses_on(batch, method, 30, 1e-3)
    assert losses[-1] < 0.8 * losses[0]


def test_settings_of_the_release() -> None:
    assert MRL3DConfig(**load_settings("3dmrl").method) == MRL3DConfig()
    drugs = load_settings("3dmrl", "faithful", "gin-cigin")
    assert (drugs.method["hidden"], drugs.method["edge_hidden"]) == (32, 300)
    assert drugs.backbone == {"unordered": False}
