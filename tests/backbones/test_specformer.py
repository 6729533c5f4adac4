"""SpecFormer computes what the release computes, and its parts what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones.parts import specformer
from molbench.backbones.parts.specformer import (
    SpecFormer,
    SpecFormerConfig,
    attend,
    count_patches,
    masked_patches,
    qm9s_spectra,
)
from molbench.errors import UserError
from tests.golden_files import read_golden
from tests.golden_specformer import NAMES, rounded_attend, specformer_state

SMALL = SpecFormerConfig(
    {"ir": {"points": 30, "patch": 6, "stride": 3}, "uv": {"points": 11, "patch": 4, "stride": 4}},
    outputs=5,
    width=8,
    heads=2,
    hidden=12,
)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("line", "outputs"), [("md17line", 128), ("qm9line", 256)])
def test_vectors_and_errors(
    line: str, outputs: int, dtype: torch.dtype, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specformer, "attend", rounded_attend)
    fixture = read_golden(golden, f"molspectra_{line}_stage2")
    model = SpecFormer(SpecFormerConfig(outputs=outputs)).double()
    model.load_state_dict(specformer_state(fixture))
    model.to(dtype)
    spectra = {name: torch.log10(fixture[name] + 1).to(dtype) for name in NAMES}
    hidden = {name: masked_patches(fixture[f"mask_uniform_{name}"], 0.1) for name in NAMES}
    for name in NAMES:
        mask = torch.zeros_like(fixture[f"mask_{name}"]).scatter(1, hidden[name], 1.0)
        assert torch.equal(mask, fixture[f"mask_{name}"])
    close = {"rtol": 1e-6, "atol": 1e-9} if dtype == torch.float64 else {"rtol": 1e-3, "atol": 1e-4}
    for mode in ("eval", "train"):
        model.train(mode == "train")
        with torch.no_grad():
            vector, error = model(spectra, hidden)
        torch.testing.assert_close(vector, fixture[f"{mode}_z_spectrum"].to(dtype), **close)
        torch.testing.assert_close(error, fixture[f"{mode}_mpr_loss"].to(dtype), **close)


def test_paper_sizes_give_347_tokens_of_which_35_are_hidden() -> None:
    counts = [count_patches(patching) for patching in qm9s_spectra().values()]
    assert counts == [69, 139, 139]
    assert [masked_patches(torch.rand(2, n), 0.1).shape[1] for n in counts] == [7, 14, 14]


def test_patches_by_hand() -> None:
    actual = SpecFormer(SMALL).patches("uv", torch.arange(11.0).unsqueeze(0))
    assert actual.tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]  # points 8 to 10 are left over
    overlapping = SpecFormer(SMALL).patches("ir", torch.arange(30.0).unsqueeze(0))
    assert overlapping.shape == (1, 9, 6)
    assert torch.equal(overlapping[0, :-1, 3:], overlapping[0, 1:, :3])


def test_the_first_in_random_order_stay() -> None:
    uniform = torch.tensor([[0.9, 0.1, 0.5, 0.3]])
    assert masked_patches(uniform, 0.5).tolist() == [[2, 0]]
    assert masked_patches(uniform, 0.1).tolist() == [[0]]
    assert masked_patches(uniform, 0.0).shape == (1, 0)


def test_scores_add_up_over_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    q, k = ([torch.randn(2, 3, 5, 4, dtype=torch.float64) for _ in range(3)] for _ in range(2))
    v = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    scores = sum(0.5 * one @ other.transpose(-1, -2) for one, other in zip(q, k, strict=True))
    torch.testing.assert_close(attend(torch.cat(q, -1), torch.cat(k, -1), v, 0.5), scores.softmax(-1) @ v)
    # In a model of three layers the attention sees queries of one, two and three of them.
    widths = []
    monkeypatch.setattr(specformer, "attend", lambda *a: widths.append(a[0].shape[-1]) or attend(*a))
    SpecFormer(SMALL)(*example(SMALL))
    assert widths == [4, 8, 12]


def example(config: SpecFormerConfig, molecules: int = 4) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(1)
    spectra = {name: torch.rand(molecules, patching["points"]) for name, patching in config.spectra.items()}
    hidden = {
        name: masked_patches(torch.rand(molecules, count_patches(patching)), 0.3)
        for name, patching in config.spectra.items()
    }
    return spectra, hidden


def test_hidden_patches_are_not_seen() -> None:
    model = SpecFormer(SMALL).eval()
    spectra, hidden = example(SMALL)
    before, error = model(spectra, hidden)
    changed = spectra["uv"].clone()
    for row, patches in enumerate(hidden["uv"]):
        for patch in patches.tolist():
            changed[row, 4 * patch : 4 * patch + 4] += 1.0
    after, larger = model(spectra | {"uv": changed}, hidden)
    torch.testing.assert_close(after, before)
    assert not torch.allclose(larger, error)


def test_spectra_of_other_molecules_do_not_matter_in_evaluation() -> None:
    model = SpecFormer(SMALL).eval()
    spectra, hidden = example(SMALL)
    vector, _ = model(spectra, hidden)
    alone, _ = model({n: s[:1] for n, s in spectra.items()}, {n: h[:1] for n, h in hidden.items()})
    torch.testing.assert_close(alone[0], vector[0])


def test_a_constant_spectrum_is_finite_and_nothing_hidden_costs_nothing() -> None:
    model = SpecFormer(SMALL)
    spectra, hidden = example(SMALL)
    vector, error = model({name: torch.ones_like(s) for name, s in spectra.items()}, hidden)
    assert vector.isfinite().all()
    assert error.isfinite()
    _, nothing = model(spectra, {name: h[:, :0] for name, h in hidden.items()})
    assert nothing.item() == 0


def test_what_does_not_fit_is_refused() -> None:
    spectra, hidden = example(SMALL)
    with pytest.raises(UserError, match="spectrum 'ir' has 29 points, the setting 'spectra' says 30"):
        SpecFormer(SMALL)(spectra | {"ir": spectra["ir"][:, 1:]}, hidden)
    with pytest.raises(UserError, match="patches of 5 points every 1 cannot be cut from 4"):
        SpecFormer(SpecFormerConfig({"ir": {"points": 4, "patch": 5, "stride": 1}}))
    with pytest.raises(UserError, match="10 features cannot be cut into 16 heads"):
        SpecFormer(SpecFormerConfig(width=10))
    with pytest.raises(UserError, match="names no spectrum"):
        SpecFormer(SpecFormerConfig({}))
