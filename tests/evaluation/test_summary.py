"""Tables say what seeds and records can carry, and no more."""

import numpy as np
import pytest

from molbench.evaluation.summary import summarise
from tests.evaluation.results import made

N = 200
HARD = np.random.default_rng(0).exponential(size=N)


def _model(name: str, error: float, seeds: int = 3, spread: float = 0.01, task: str = "d/t", **checkpoint):
    """Results with errors of ``error`` times how hard a record is, and a seed's luck."""
    rng = np.random.default_rng([len(name), seeds, int(1e6 * error)])
    luck = spread * rng.standard_normal(seeds)
    noise = 0.02 * rng.standard_normal((seeds, N))
    return [
        made(np.abs(error * HARD + luck[seed] + noise[seed]), name, seed, task=task, **checkpoint)
        for seed in range(seeds)
    ]


def _verdict(cells, name: str = "model") -> str:
    return next(cell for cell in cells if cell.candidate == name).delta.verdict


@pytest.mark.parametrize(("error", "verdict"), [(0.5, "better"), (1.0, "="), (2.0, "worse")])
def test_clear_differences_are_told(error: float, verdict: str) -> None:
    cells = summarise([*_model("model", error), *_model("scratch", 1.0)])
    model, scratch = cells
    assert model.delta.verdict == verdict and scratch.delta is None
    assert model.delta.value == pytest.approx(model.mean - scratch.mean)
    assert model.seeds == (0, 1, 2) and model.n == N and model.clusters == N and not model.few
    assert model.delta.half_width < np.hypot(model.half_width, scratch.half_width)


@pytest.mark.parametrize(("own", "other"), [(1, 1), (1, 3), (3, 1)])
def test_one_seed_has_no_verdict_however_large_the_difference(own: int, other: int) -> None:
    cells = summarise([*_model("model", 0.1, own), *_model("scratch", 1.0, other)])
    delta = cells[0].delta
    assert delta.verdict == "needs more seeds"
    assert delta.p is None and delta.half_width is None and delta.detectable is None
    assert (cells[0].half_width is None) == (own == 1)


def test_few_records_have_no_verdict() -> None:
    clusters = [[f"protein:{i % 5}"] for i in range(N)]
    cells = summarise([*_model("model", 0.3, clusters=clusters), *_model("scratch", 1.0, clusters=clusters)])
    assert cells[0].few and cells[0].clusters == 5
    assert cells[0].delta.p_adjusted < 0.05 and cells[0].delta.verdict == "few records"


def test_what_one_comparison_shows_may_be_chance_among_many() -> None:
    def pair(task: str):
        return [
            *_model("model", 0.985, 5, task=task),
            *_model("scratch", 1.0, 5, task=task),
        ]

    (alone,) = (cell.delta for cell in summarise(pair("d/t0")) if cell.delta)
    together = [
        cell.delta for cell in summarise([r for i in range(30) for r in pair(f"d/t{i}")]) if cell.delta
    ]
    assert alone.p == alone.p_adjusted
    assert together[0].p == alone.p and together[0].p_adjusted > alone.p_adjusted
    assert together[0].detectable > alone.detectable


def test_differences_to_different_baselines_are_families_of_their_own() -> None:
    results = [*_model("model", 0.9), *_model("scratch", 1.0)]
    trees = _model("fingerprint", 0.8, baseline="fingerprint")
    before, after = summarise(results)[0], summarise([*results, *trees])[0]
    assert after.delta == before.delta and before.over_fingerprint is None


def test_more_seeds_show_smaller_differences() -> None:
    few, many = (
        summarise([*_model("model", 1.0, s, 0.05), *_model("scratch", 1.0, s, 0.05)])[0].delta for s in (3, 9)
    )
    assert few.detectable_later < few.detectable
    # What three seeds foretell of nine is about what nine find.
    assert many.detectable == pytest.approx(few.detectable_later, rel=0.6)


def test_what_is_detectable_is_detected() -> None:
    rng = np.random.default_rng(3)

    def luck(name: str, shift: float):
        return [
            made(HARD + 5 + shift + 0.1 * rng.standard_normal(N) + 0.05 * rng.standard_normal(), name, s)
            for s in range(6)
        ]

    def delta(shift: float):
        return summarise([*luck("model", shift), *luck("scratch", 0)])[0].delta

    size = float(np.median([delta(0).detectable for _ in range(40)]))
    actual = [delta(size).verdict for _ in range(60)]
    assert 0.65 <= actual.count("worse") / 60 <= 0.98


def test_pretrainings_of_one_method_are_shown_together() -> None:
    def provenance(seed: int, steps: int = 100):
        training = {"steps": steps, "seed": seed}
        return {"dataset": "d", "digest": "x", "training": training, "seed": seed, "final_loss": 0.1 * seed}

    models = [
        *_model("a", 0.5, pretraining=provenance(0)),
        *_model("b", 0.6, pretraining=provenance(1)),
        *_model("other", 0.5, pretraining=provenance(2, steps=200)),
        *_model("unknown", 0.5, pretraining={"dataset": "d"}),
    ]
    cells = summarise([*models, *_model("scratch", 1.0)])
    assert [cell.candidate for cell in cells] == ["a", "b", "other", "unknown", "scratch", "a + b"]
    together = cells[-1]
    assert together.pretrainings == 2 and cells[0].pretrainings == 1
    assert together.mean == pytest.approx((cells[0].mean + cells[1].mean) / 2)
    assert together.spread == pytest.approx(np.std([cells[0].mean, cells[1].mean], ddof=1))
    # Two pretrainings say little about a third.
    assert together.half_width > 3 * cells[0].half_width and together.delta.verdict == "="
