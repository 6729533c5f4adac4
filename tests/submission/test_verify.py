"""A submission is believed as far as its predictions carry."""

import json
import shutil
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molbench.errors import UserError
from molbench.evaluation.built import data_of
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.score import Scorer
from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import RECEIPT, SubmissionFolder
from molbench.submission.receipt import Receipt
from molbench.submission.replicates import COUNT, packed, replicates
from molbench.submission.validate import validate
from molbench.submission.verify import check_again, check_receipt, verify
from tests.submission.packed import TASKS, read_card, repack, write_card, write_submission


def test_an_honest_submission_is_scored_again(submission: Path, trust: Trust) -> None:
    assert validate(submission, trust.catalogue) == []
    done = verify(submission, trust)
    assert done.faults == [] and done.receipt is not None and done.receipt.tier == "re-scored"
    assert [task_score.task for task_score in done.receipt.task_scores] == list(TASKS)
    for task_score, entry in zip(done.receipt.task_scores, read_card(submission)["predictions"], strict=True):
        assert task_score.mean == pytest.approx(entry["value"], rel=1e-5) and len(task_score.values) == 3


def test_a_receipt_is_recomputed_by_anybody(submission: Path, trust: Trust) -> None:
    done = verify(submission, trust)
    done.receipt.write(submission / RECEIPT)
    again = verify(submission, Trust(Catalogue.load()))
    assert Receipt.read(submission / RECEIPT) == done.receipt
    assert again.receipt.seal == done.receipt.seal and check_receipt(submission, again) is None


def test_what_is_not_built_here_is_told_and_has_a_score(
    submission: Path, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = verify(submission, trust)
    done.receipt.write(submission / RECEIPT)
    monkeypatch.setattr(Trust, "built", lambda _self, task: task != TASKS[0])
    partly = verify(submission, trust, built=True)
    assert partly.unchecked == [TASKS[0]] and check_receipt(submission, partly) is None
    lost = [task_score for task_score in done.receipt.task_scores if task_score.task != TASKS[0]]
    done.receipt.model_copy(update={"task_scores": lost}).sealed(done.receipt.date).write(
        submission / RECEIPT
    )
    assert f"has no score of {TASKS[0]}" in check_receipt(submission, partly)


@pytest.mark.parametrize("key", ["values", "replicates", "half_width", "records", "constant", "content"])
def test_a_receipt_changed_by_hand_is_refused(key: str, submission: Path, trust: Trust) -> None:
    done = verify(submission, trust)
    receipt = done.receipt
    receipt.write(submission / RECEIPT)
    text = json.loads((submission / RECEIPT).read_text())
    task_score = text["cells"][0]
    task_score[key] = {"values": [0.0] * 3, "replicates": packed(np.zeros(COUNT)), "content": "f" * 64}.get(
        key, 1
    )
    (submission / RECEIPT).write_text(json.dumps(text))
    with pytest.raises(UserError, match="seal is broken"):
        Receipt.read(submission / RECEIPT)
    # Whoever seals a forgery is caught by verifying.
    forged = Receipt.model_validate(text).sealed(receipt.date)
    forged.write(submission / RECEIPT)
    assert f": {key}: says " in check_receipt(submission, done)


def test_a_receipt_of_another_processor_is_the_same_but_for_last_digits(
    submission: Path, trust: Trust
) -> None:
    done = verify(submission, trust)
    (first, *rest) = done.receipt.task_scores
    speck = np.where(np.arange(COUNT) == 3, -3e-17, first.drawn * (1 + 1e-7))
    nought = np.where(np.arange(COUNT) == 3, 0.0, first.drawn)
    there = {
        "values": [value * (1 + 1e-9) for value in first.values],
        "constant": first.constant * (1 - 1e-9),
        "half_width": first.half_width * (1 + 1e-6),
        "others": {name: value + 1e-15 for name, value in first.others.items()},
        "replicates": packed(nought),
    }
    one, other = (
        first.model_copy(update=there | {"replicates": b64encode(values.astype("<f4").tobytes()).decode()})
        for values in (nought, speck)
    )
    assert one.unlike(other) is None and other.unlike(one) is None
    assert packed(nought) == packed(np.where(nought == 0, 5e-18, nought))
    assert first.unlike(first.model_copy(update=there)) == "replicates"  # what was not nought, is no speck
    assert first.unlike(first.model_copy(update={"half_width": first.half_width * 0.999})) == "half_width"
    assert first.unlike(first.model_copy(update={"seeds": [4, 5, 6]})) == "seeds"
    less = dict(list(first.others.items())[1:])
    assert not first.others or first.unlike(first.model_copy(update={"others": less})) == "others"
    done.receipt.model_copy(
        update={"task_scores": [first.model_copy(update=there | {"replicates": first.replicates}), *rest]}
    ).sealed(done.receipt.date).write(submission / RECEIPT)
    assert check_receipt(submission, done) is None
    assert check_again(SubmissionFolder.read(submission), Receipt.read(submission / RECEIPT), trust) is None


def test_a_receipt_has_each_score_once(submission: Path, trust: Trust) -> None:
    receipt = verify(submission, trust).receipt
    doubled = receipt.model_copy(update={"task_scores": [*receipt.task_scores, receipt.task_scores[0]]})
    doubled.sealed(receipt.date).write(submission / RECEIPT)
    with pytest.raises(UserError, match="is scored twice"):
        Receipt.read(submission / RECEIPT)


@pytest.mark.parametrize("key", ["weights", "commit"])
def test_without_weights_or_commit_nothing_leaves_the_lowest_tier(
    key: str, submission: Path, trust: Trust
) -> None:
    card = read_card(submission)
    del card[key]
    write_card(submission, card)
    done = verify(submission, trust)
    assert done.receipt.tier == "reported" and len(done.missing) == 1


def test_records_of_the_scheme_count(submission: Path, trust: Trust) -> None:
    card = read_card(submission)
    card["predictions"][1]["split"] = "0" * 64
    write_card(submission, card)
    (fault,) = verify(submission, trust).faults
    assert "made on other records, or another split" in fault.problem


def test_nothing_is_scored_where_records_are_missing(
    submission: Path, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "molbench.evaluation.trust.data_of", lambda task: replace(data_of(task), partial=True)
    )
    faults = verify(submission, trust).faults
    assert len(faults) == len(TASKS) and all("lacks records" in fault.problem for fault in faults)


def test_a_scale_that_is_off_is_called_by_name(submission: Path, trust: Trust) -> None:
    def in_millis(given):
        return {seed: replace(part, prediction=1000 * part.prediction) for seed, part in given.items()}

    repack(submission, 1, in_millis)
    (fault,) = verify(submission, trust).faults
    assert "looks like meV, expected eV" in fault.problem and "toy/mass" in fault.problem


def test_every_fault_has_its_line(submission: Path, trust: Trust) -> None:
    card = read_card(submission)
    card["predictions"][2]["task"] = "toy/none"
    card["predictions"][0]["unit"] = "meV"
    card["pretraining"] = [{"dataset": "xtb-molecule"}]
    write_card(submission, card)
    lines = (submission / "submission.yaml").read_text().splitlines()
    faults = validate(submission, trust.catalogue)
    said = {lines[fault.line - 1].strip().removeprefix("- "): fault.problem for fault in faults}
    assert set(said) == {"task: toy/none", "unit: meV", "dataset: xtb-molecule"}
    assert "did you mean 'xtb-molecules'" in said["dataset: xtb-molecule"]


def test_labels_in_the_dataset_count_not_those_of_the_file(submission: Path, trust: Trust) -> None:
    """Order of rows changes nothing."""
    before = verify(submission, trust).receipt

    def shuffled(given):
        order = np.random.default_rng(0).permutation(len(given[0].ids))
        return {seed: part.take(order) for seed, part in given.items()}

    repack(submission, 0, shuffled)
    assert verify(submission, trust).receipt.task_scores == before.task_scores


def test_a_copy_of_another_submission_is_named(submission: Path, trust: Trust) -> None:
    verify(submission, trust).receipt.write(submission / RECEIPT)
    copy = Path(shutil.copytree(submission, submission.parent / "better"))
    card = read_card(copy)
    card["model"] = "better"
    write_card(copy, card)
    faults = verify(copy, trust).faults
    assert faults and "its predictions are those of schnet/good" in faults[0].problem
    assert verify(submission, trust).faults == []


def test_one_bad_entry_leaves_the_other_submissions_alone(submission: Path, trust: Trust) -> None:
    other = write_submission(submission.parent.parent, "other", trust=trust)
    (submission / "predictions" / "toy" / "size" / "probe.parquet").write_bytes(b"PAR1")
    assert verify(submission, trust).receipt is None
    assert verify(other, trust).receipt is not None


def test_replicates_have_the_variance_of_the_score(submission: Path, trust: Trust) -> None:
    """Over many draws of signs the mean square is the sum of squares of the clusters."""
    rng = np.random.default_rng(0)
    names = [[f"c:{i % 40}"] for i in range(200)]
    contributions = rng.normal(size=200)
    contributions -= contributions.mean()
    expected = float(Clusters.of(names).component(contributions).variance)
    drawn = [np.mean(replicates(f"place {i}", names, contributions) ** 2) for i in range(40)]
    assert len(replicates("x", names, contributions)) == COUNT
    assert np.mean(drawn) == pytest.approx(expected, rel=0.1)


def test_replicates_of_two_models_give_the_paired_difference(trust: Trust) -> None:
    rng = np.random.default_rng(1)
    shared, names = rng.normal(size=300), [[f"r{i}"] for i in range(300)]
    one, other = (shared + 0.1 * rng.normal(size=300) for _ in range(2))
    paired = np.mean(
        [np.mean((replicates(str(i), names, one) - replicates(str(i), names, other)) ** 2) for i in range(20)]
    )
    assert paired == pytest.approx(np.sum((one - other) ** 2), rel=0.15)
    assert paired < 0.1 * (np.sum(one**2) + np.sum(other**2))


def test_a_cell_is_what_the_metric_says(submission: Path, trust: Trust) -> None:
    task_score = verify(submission, trust).receipt.task_scores[0]
    ref = trust._task("toy/size", 0)
    assert (
        task_score.metric == ref.task.metrics[0]
        and task_score.unit == ref.task.unit
        and task_score.records > 10
    )
    assert Scorer and task_score.constant > task_score.mean  # better than one constant
