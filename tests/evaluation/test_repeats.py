"""Seeds are repeats, and so are complete repeats of a cross-validation."""

import numpy as np
import pytest

from molbench.errors import UserError
from molbench.evaluation.repeats import TaskRecords, repeats_of
from molbench.spec.splits import fold_name
from tests.evaluation.results import made

RNG = np.random.default_rng(0)


def _folds(repeats: int, folds: int, model: str = "model", n: int = 30) -> dict[int, object]:
    """Runs of a cross-validation of ``n`` records whose errors are their number plus noise of the fold."""
    runs = {}
    for repeat in range(repeats):
        fold = np.random.default_rng(repeat).permutation(n) % folds
        for number in range(folds):
            rows = np.flatnonzero(fold == number)
            runs[repeat * folds + number] = made(
                rows + RNG.random(),
                model,
                repeat * folds + number,
                task="d/t@kfold",
                scheme=fold_name("kfold", repeat, number),
                ids=[f"r{row}" for row in rows],
            )
    return runs


def test_seeds_of_one_split_are_repeats() -> None:
    runs = {seed: made(np.full(5, float(seed)), seed=seed) for seed in (2, 0, 1)}
    assert [stored.result.seed for (stored,) in repeats_of(runs).values()] == [0, 1, 2]
    measured = TaskRecords.of(list(runs.values())).measure([runs])
    assert measured.value == 1 and measured.repeats.tolist() == [0, 1, 2]


def test_folds_are_averaged_before_repeats_are_compared() -> None:
    runs = _folds(3, 5)
    groups = repeats_of(runs)
    assert [sorted(stored.result.seed for stored in group) for group in groups.values()] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11, 12, 13, 14],
    ]
    measured = TaskRecords.of(list(runs.values())).measure([runs])
    means = [np.mean([stored.value for stored in group]) for group in groups.values()]
    assert measured.repeats == pytest.approx(means) and measured.value == pytest.approx(np.mean(means))


def test_a_record_counts_once_however_often_it_is_tested() -> None:
    runs = _folds(3, 5)
    records = TaskRecords.of(list(runs.values()))
    assert records.clusters.count == 30
    measured = records.measure([runs])
    # Errors are the record's number, up to noise of each fold; folds are centred by themselves.
    number = np.array([int(name[1:]) for name in records.ids])
    assert measured.records.sum() == pytest.approx(0, abs=1e-12)
    assert np.corrcoef(measured.records, number)[0, 1] > 0.95


@pytest.mark.parametrize("count", [1, 4])
def test_without_two_complete_repeats_folds_are_compared(count: int) -> None:
    runs = dict(list(_folds(2, 3).items())[:count])
    assert list(repeats_of(runs)) == list(range(count))


def test_a_difference_of_cross_validations_is_paired_fold_by_fold() -> None:
    a, b = _folds(3, 5, "a"), _folds(3, 5, "b")
    records = TaskRecords.of([*a.values(), *b.values()])
    actual = records.difference([a], [b])
    both = [records.measure([runs]) for runs in (a, b)]
    assert actual.seeds.variance == pytest.approx(np.var(both[0].repeats - both[1].repeats, ddof=1) / 3)
    assert actual.seeds.freedom == 2
    # Where one has fewer folds, those that both have are compared.
    fewer = {seed: stored for seed, stored in b.items() if seed < 10}
    expected = records.measure([{seed: a[seed] for seed in range(10)}]).value - records.measure([fewer]).value
    assert records.difference([a], [fewer]).value == pytest.approx(expected)
    assert records.difference([a], [{}]) is None


def test_seeds_are_not_paired() -> None:
    errors = RNG.random(40)
    a = {seed: made(errors + 0.1 * seed, "a", seed) for seed in range(3)}
    b = {seed: made(errors + 0.1 * seed, "b", seed) for seed in range(5)}
    actual = TaskRecords.of([*a.values(), *b.values()]).difference([a], [b])
    # Every seed counts, and that both rise with its number cancels nothing.
    assert actual.value == pytest.approx(0.1 * (1 - 2))
    assert actual.seeds.variance == pytest.approx(
        np.var([0, 0.1, 0.2], ddof=1) / 3 + np.var([0, 0.1, 0.2, 0.3, 0.4], ddof=1) / 5
    )
    # That one record is harder for both than another does.
    assert actual.records.variance == pytest.approx(0, abs=1e-20)


def test_pretrainings_are_repeats_where_there_are_several() -> None:
    runs = [
        {
            seed: made(np.full(9, 1.0 + pretraining + 0.01 * seed), f"m{pretraining}", seed)
            for seed in range(3)
        }
        for pretraining in range(2)
    ]
    measured = TaskRecords.of([stored for one in runs for stored in one.values()]).measure(runs)
    assert measured.repeats == pytest.approx([1.01, 2.01]) and measured.value == pytest.approx(1.51)


def test_clusters_are_those_of_the_predictions() -> None:
    names = [
        ["solute:a", "solvent:w"],
        ["solute:a", "solvent:x"],
        ["solute:b", "solvent:w"],
        ["solute:b", "solvent:x"],
    ]
    assert TaskRecords.of([made(np.ones(4), clusters=names)]).clusters.effective == 2
    assert TaskRecords.of([made(np.ones(4))]).clusters.effective == 4


def test_results_on_other_records_or_clusters_are_refused() -> None:
    first = made(np.ones(4))
    with pytest.raises(UserError, match="not made on the same test records"):
        TaskRecords.of([first, made(np.ones(4), seed=1, ids=["a", "b", "c", "d"])])
    with pytest.raises(UserError, match="disagree on the clusters"):
        TaskRecords.of([first, made(np.ones(4), seed=1, clusters=[["molecule:a"]] * 4)])
