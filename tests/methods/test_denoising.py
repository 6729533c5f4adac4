"""Coord, Frad and MolSpectra by their own algebra."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import build_method
from molbench.methods.coord import Coord, CoordConfig
from molbench.methods.frad import Frad, FradConfig
from molbench.methods.molspectra import MolSpectra, MolSpectraConfig, scaled
from molbench.methods.parts.denoising import NoiseHead, Standardiser
from molbench.testing import example_batch, random_rotation, small_backbone
from tests.methods.learning import losses_on

with_vectors = pytest.mark.parametrize("name", ["painn", "egnn", "torchmd-et"])
SPECTRA = {"ir": {"points": 60, "patch": 6, "stride": 3}, "uv": {"points": 20, "patch": 4, "stride": 4}}
SPECTRUM = {"spectrum_width": 8, "spectrum_heads": 2, "spectrum_hidden": 8, "spectrum_layers": 2}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def encoder(name: str = "painn") -> nn.Module:
    torch.manual_seed(0)
    return small_backbone(name)


def molspectra(name: str = "painn", **config: object) -> MolSpectra:
    settings = {"spectra": SPECTRA, **SPECTRUM, **config}
    return MolSpectra(encoder(name), MolSpectraConfig(**settings)).double()


def with_spectra(batch: MoleculeBatch) -> MoleculeBatch:
    spectra = {
        name: 100 * torch.rand(batch.num_graphs, patching["points"], generator=seeded(5))
        for name, patching in SPECTRA.items()
    }
    return batch.replace(targets=spectra)


class Oracle(nn.Module):
    """Knows the noise."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, actual: Representation) -> Tensor:
        return self.answer


@pytest.mark.parametrize("method", ["coord", "frad", "slide", "molspectra"])
def test_encoders_without_vectors_are_refused(method: str) -> None:
    with pytest.raises(UserError, match="backbone 'schnet' has no vectors to predict noise with"):
        build_method(method, build_backbone("schnet", {"interactions": 1, "width": 16}))


@pytest.mark.parametrize("kind", ["scale", "running"])
def test_an_oracle_has_no_loss(kind: str) -> None:
    method, batch = Coord(encoder(), CoordConfig(normaliser=kind)).double(), example_batch()
    noise = method.draw(batch, seeded())
    mean, deviation = (0.0, 0.04) if kind == "scale" else (noise.mean(0), noise.std(0, correction=0))
    method.head = Oracle((noise - mean) / deviation)
    assert method.loss_given(batch, noise)[0].item() == pytest.approx(0, abs=1e-20)


def test_a_silent_head_loses_the_variance_of_the_noise() -> None:
    batch = example_batch((10,) * 50)
    silent = Oracle(torch.zeros(500, 3, dtype=torch.float64))
    for centre, expected in ((False, 1.0), (True, 0.9)):  # of ten atoms, centring takes a tenth
        method = Coord(encoder(), CoordConfig(centre=centre)).double()
        method.head = silent
        losses = torch.stack([method.loss(batch, seeded(seed))[0] for seed in range(20)])
        assert losses.mean().item() == pytest.approx(expected, rel=0.02)


def test_running_statistics_are_those_of_all_noise_so_far() -> None:
    standardise = Standardiser("running", 0.04).double()
    seen = [0.04 * torch.randn(n, 3, dtype=torch.float64, generator=seeded(n)) + 0.01 for n in (7, 30)]
    for number, noise in enumerate(seen, 1):
        target, past = standardise(noise), torch.cat(seen[:number])
        expected = (noise - past.mean(0)) / past.std(0, correction=0)
        torch.testing.assert_close(target, expected, rtol=1e-9, atol=1e-9)
    before = standardise.statistics()
    standardise.eval()(seen[0] + 1)
    assert all(torch.equal(*pair) for pair in zip(before, standardise.statistics(), strict=True))
    # They are part of the state, so that a run goes on with them.
    other = Standardiser("running", 0.04)
    other.load_state_dict(standardise.state_dict())
    torch.testing.assert_close(other.statistics(), before)
    assert not Standardiser("scale", 0.04).state_dict()


def test_centred_noise_does_not_move_a_molecule() -> None:
    method, batch = Coord(encoder()).double(), example_batch()
    noise = method.draw(batch, seeded())
    drift = torch.zeros(batch.num_graphs, 3, dtype=torch.float64).index_add(0, batch.molecule, noise)
    assert drift.abs().max() < 1e-12


@with_vectors
def test_frad_without_torsion_noise_is_coord(name: str) -> None:
    batch = example_batch()
    coord = Coord(encoder(name)).double()
    frad = Frad(encoder(name), FradConfig(torsion_noise=0.0)).double()
    frad.load_state_dict(coord.state_dict())
    same, other = (method.loss(batch, seeded())[0] for method in (coord, frad))
    torch.testing.assert_close(other, same)


def test_frad_asks_for_the_coordinate_noise_alone() -> None:
    from tests.methods.test_torsions import molecule

    batch = molecule("CCOC(=O)c1ccccc1")[1]
    frad = Frad(encoder(), FradConfig(torsion_noise=20.0)).double()
    draws = frad.draw(batch, seeded())
    assert len(draws.angles) == 3
    frad.head = Oracle(draws.noise / 0.04)
    seen: list[MoleculeBatch] = []
    frad.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    assert frad.loss_given(batch, draws)[0].item() == 0
    moved = seen[0].positions - draws.noise
    assert (moved - batch.positions).norm(dim=1).max() > 0.1
    bonds = batch.bonds
    lengths = [(x[bonds[:, 0]] - x[bonds[:, 1]]).norm(dim=1) for x in (moved, batch.positions)]
    torch.testing.assert_close(*lengths)


@with_vectors
@pytest.mark.parametrize("reflect", [False, True])
def test_losses_do_not_change_when_molecule_and_noise_turn(name: str, reflect: bool) -> None:
    batch, turn = with_spectra(example_batch()), random_rotation(reflect=reflect)
    moved = batch.replace(positions=batch.positions @ turn.t() + 1.0)
    coord = Coord(encoder(name)).double()
    noise = coord.draw(batch, seeded())
    torch.testing.assert_close(
        coord.loss_given(moved, noise @ turn.t())[0], coord.loss_given(batch, noise)[0], rtol=1e-6, atol=1e-6
    )
    method = molspectra(name)
    draws = method.draw(batch, seeded())
    turned = replace(draws, noise=draws.noise @ turn.t())
    before, after = method.loss_given(batch, draws), method.loss_given(moved, turned)
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)


def test_targets_standardised_by_axis_do_not_turn_with_the_noise() -> None:
    turn, noise = random_rotation(), torch.randn(50, 3, dtype=torch.float64, generator=seeded())
    noise = noise * torch.tensor([1.0, 2.0, 3.0])
    for kind, alike in (("scale", True), ("running", False)):
        before, after = Standardiser(kind, 0.04)(noise), Standardiser(kind, 0.04)(noise @ turn.t())
        assert torch.allclose(after, before @ turn.t(), atol=0.1) == alike


def test_order_of_molecules_and_their_spectra_does_not_matter() -> None:
    method, batch = molspectra(), with_spectra(example_batch((4, 3, 5)))
    draws = method.draw(batch, seeded())
    order, bounds = [2, 0, 1], batch.ptr.tolist()
    atoms = torch.cat([torch.arange(bounds[i], bounds[i + 1]) for i in order])
    sizes = batch.sizes[order]
    shuffled = MoleculeBatch(
        batch.atomic_numbers[atoms],
        batch.positions[atoms],
        torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]),
        {name: spectrum[order] for name, spectrum in batch.targets.items()},
    )
    other = replace(
        draws,
        noise=draws.noise[atoms],
        hidden={name: indices[order] for name, indices in draws.hidden.items()},
    )
    together = method.loss_given(batch, draws)
    torch.testing.assert_close(method.loss_given(shuffled, other), together)
    # But whose spectra they are does.
    swapped = {name: spectrum[order] for name, spectrum in batch.targets.items()}
    hidden = {name: indices[order] for name, indices in draws.hidden.items()}
    _, logs = method.loss_given(batch.replace(targets=swapped), replace(draws, hidden=hidden))
    assert not torch.allclose(logs["contrast"], together[1]["contrast"])
    for part in ("denoising", "reconstruction"):
        torch.testing.assert_close(logs[part], together[1][part])


@pytest.mark.parametrize("both", [False, True])
def test_vectors_that_say_nothing_contrast_to_the_logarithm_of_the_batch(both: bool) -> None:
    method = molspectra(both_directions=both)
    same = torch.ones(12, 5, dtype=torch.float64)
    loss, _ = method.contrast(same, same)
    assert loss.item() == pytest.approx(math.log(12))
    own = torch.eye(12, dtype=torch.float64)
    alike, actual = method.contrast(own, 3 * own)
    assert actual.item() == 1
    # Cosines are 1 and 0, over a temperature of 0.07.
    assert alike.item() == pytest.approx(math.log1p(11 * math.exp(-1 / 0.07)), rel=1e-3)


def test_contrast_looks_one_way_or_both() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 6, 5, dtype=torch.float64)
    one, both = molspectra(both_directions=False), molspectra()
    forth, back = one.contrast(first, second)[0], one.contrast(second, first)[0]
    assert not torch.allclose(forth, back)
    torch.testing.assert_close(both.contrast(first, second)[0], (forth + back) / 2)
    torch.testing.assert_close(both.contrast(2 * first, second)[0], both.contrast(first, second)[0])


def test_losses_that_weigh_nothing_are_left_out() -> None:
    batch = with_spectra(example_batch())
    only = molspectra(contrast_weight=0.0, reconstruction_weight=0.0)
    assert only.columns == ()
    loss, logs = only.loss(batch.replace(targets={}), seeded())
    coord = Coord(encoder()).double()
    coord.load_state_dict(only.state_dict())
    torch.testing.assert_close(loss, coord.loss(batch, seeded())[0])
    assert set(logs) == {"denoising"}

    alone = molspectra(spectra={"uv": SPECTRA["uv"]}, denoising_weight=0.0, reconstruction_weight=2.0)
    assert alone.columns == ("uv",)
    loss, logs = alone.loss(batch, seeded())
    assert set(logs) == {"contrast", "reconstruction", "matched"}
    torch.testing.assert_close(loss.detach(), logs["contrast"] + 2 * logs["reconstruction"])
    # Without noise to predict, any encoder will do.
    MolSpectra(
        build_backbone("schnet", {"interactions": 1, "width": 16}),
        MolSpectraConfig(spectra=SPECTRA, denoising_weight=0.0, **SPECTRUM),
    )


def test_reconstruction_trains_specformer_alone() -> None:
    method, batch = molspectra(denoising_weight=0.0, contrast_weight=0.0), with_spectra(example_batch())
    method.loss(batch, seeded())[0].backward()
    assert all(p.grad is None or not p.grad.any() for p in method.backbone.parameters())
    assert any(p.grad is not None and p.grad.any() for p in method.specformer.parameters())


def test_molecules_without_a_spectrum_are_only_denoised() -> None:
    method, batch = molspectra(), with_spectra(example_batch((4, 3, 5)))
    draws = method.draw(batch, seeded())
    spectra = {name: spectrum.clone() for name, spectrum in batch.targets.items()}
    spectra["uv"][1, 3] = float("nan")
    _, logs = method.loss_given(batch.replace(targets=spectra), draws)
    _, whole = method.loss_given(batch, draws)
    assert torch.equal(logs["denoising"], whole["denoising"])
    rest = torch.tensor([0, 2])
    noisy = batch.replace(positions=batch.positions + draws.noise)
    known = {name: scaled(spectrum[rest]).double() for name, spectrum in batch.targets.items()}
    vectors, error = method.specformer(known, {name: h[rest] for name, h in draws.hidden.items()})
    torch.testing.assert_close(logs["reconstruction"], error.detach(), rtol=1e-6, atol=1e-6)
    contrast, _ = method.contrast(method.backbone(noisy).graph[rest], vectors)
    torch.testing.assert_close(logs["contrast"], contrast.detach(), rtol=1e-6, atol=1e-6)
    missing = batch.targets | {"ir": torch.full_like(batch.targets["ir"], float("nan"))}
    with pytest.raises(UserError, match="no molecule of a batch has all of the spectra: ir, uv"):
        method.loss_given(batch.replace(targets=missing), draws)


def test_spectra_are_set_by_name() -> None:
    small = {"uv": {"points": 131, "patch": 10, "stride": 5}}
    method = build_method("molspectra", encoder(), {"spectra": small, **SPECTRUM})
    assert method.columns == ("uv",)
    assert method.specformer.counts == {"uv": 25}
    with pytest.raises(UserError, match=r"method 'molspectra': setting 'spectra.uv.points'"):
        build_method("molspectra", encoder(), {"spectra": {"uv": {"patch": 10, "stride": 5}}})


def test_hidden_patches_and_scale() -> None:
    method = MolSpectra(encoder(), MolSpectraConfig(**SPECTRUM))
    hidden = method.draw(example_batch(), seeded()).hidden
    assert {name: tuple(indices.shape) for name, indices in hidden.items()} == {
        "uv": (5, 7),
        "ir": (5, 14),
        "raman": (5, 14),
    }
    torch.testing.assert_close(scaled(torch.tensor([0.0, 9.0, 999.0])), torch.tensor([0.0, 1.0, 3.0]))


def test_a_wrong_grid_is_refused() -> None:
    batch = with_spectra(example_batch())
    shorter = {name: spectrum[:, 1:] for name, spectrum in batch.targets.items()}
    with pytest.raises(UserError, match="spectrum 'ir' has 59 points, the setting 'spectra' says 60"):
        molspectra().loss(batch.replace(targets=shorter), seeded())


@with_vectors
def test_one_vector_or_many_make_one_noise(name: str) -> None:
    backbone = encoder(name).double()
    head, batch = NoiseHead(backbone).double(), example_batch()
    assert head(backbone(batch, vectors=True)).shape == (batch.num_atoms, 3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["coord", "frad", "slide", "molspectra"])
def test_one_batch_can_be_learnt(method: str) -> None:
    small = {"molspectra": {"spectra": SPECTRA, **SPECTRUM}, "slide": {"slices": 16}}
    objective = build_method(method, encoder(), small.get(method))
    batch = with_spectra(example_batch(dtype=torch.float32))
    losses = losses_on(batch, objective, 60, 5e-3)
    assert losses[-1] < 0.7 * losses[0]
