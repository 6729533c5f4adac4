"""From results to a checked submission, by the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from molbench.errors import UserError
from molbench.evaluation import evaluate
from molbench.submission.folder import withdrawals
from molbench.submission.receipt import Receipt
from tests.commands import run_command
from tests.evaluation.conftest import _built, save_checkpoint  # noqa: F401 - a fixture

OWN = ("--name", "A model", "--license", "CC-BY-4.0", "--author", "A. Author")


@pytest.fixture(scope="module")
def made(_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811 - a fixture
    """Results of one checkpoint, and of its backbone from scratch."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLBENCH_HOME", str(_built))
        path = save_checkpoint(folder / "model.pt", seed=100)
        outcome = evaluate([path], ["toy/size,toy/ring"], seeds=2, output=folder / "r", executor="inline")
    assert not outcome.failures
    return folder


@pytest.fixture
def results(toy_home: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, for this test to tamper with, and the checkpoint in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(made / "model.pt", tmp_path)
    return Path(shutil.copytree(made / "r", tmp_path / "r"))


@pytest.mark.slow
def test_results_become_a_submission_that_is_scored_again(results: Path) -> None:
    said = run_command(
        "submit", "pack", results / "model", *OWN, "--commit", "a" * 40, "--checkpoint", "model.pt"
    )
    assert "submissions/schnet/model: 2 tasks" in said
    folder = Path("submissions/schnet/model")
    card = yaml.safe_load((folder / "submission.yaml").read_text())
    assert card["baseline"].startswith("scratch-schnet-") and card["parameters"] > 0
    assert card["cost"]["seconds"] > 0 and all(entry["speed"] > 0 for entry in card["predictions"])
    assert "sound" in run_command("submit", "validate")
    assert "re-scored, 2 scores" in run_command("submit", "verify")
    assert "seal" in run_command("submit", "verify", "--check")
    first = Receipt.read(folder / "receipt.json")
    assert {task_score.task for task_score in first.task_scores} == {"toy/size", "toy/ring"}
    run_command("submit", "pack", results / "model", *OWN, "--commit", "a" * 40, "--checkpoint", "model.pt")
    run_command("submit", "verify")
    assert Receipt.read(folder / "receipt.json").seal == first.seal


def test_data_that_only_this_machine_has_is_other_and_said_so(
    results: Path,
) -> None:
    """Other machines do not know the toy dataset, which is built in this home."""
    path = save_checkpoint(
        Path("own.pt"), seed=7, pretraining={"dataset": "toy", "stages": [{"dataset": "qm9"}]}
    )
    evaluate([path], ["toy/size"], seeds=1, output="own", scratch=False, executor="inline")
    said = run_command("submit", "pack", "own/own", *OWN, "--commit", "a" * 40, "--checkpoint", "own.pt")
    assert "only who has your toy can check its tasks" in said
    card = Path("submissions/schnet/own/submission.yaml")
    assert yaml.safe_load(card.read_text())["pretraining"] == [{"dataset": "qm9"}, {"other": "toy"}]
    card.write_text(card.read_text().replace("other: toy", "dataset: toy"))
    with pytest.raises(UserError, match="unknown dataset 'toy'"):
        run_command("submit", "validate")


@pytest.mark.slow
def test_a_scratch_baseline_is_packed_alike(results: Path) -> None:
    (scratch,) = results.glob("scratch-*")
    run_command("submit", "pack", scratch, *OWN, "--commit", "b" * 40)
    assert "re-scored, 2 scores" in run_command("submit", "verify")


def _split_by_task(results: Path) -> tuple[Path, Path]:
    """Results of the model as two runs would have written them, one a task."""
    parts = Path("first") / "model", Path("second") / "model"
    for part, other in zip(parts, ("ring", "size"), strict=True):
        shutil.copytree(results / "model", part)
        shutil.rmtree(part / "toy" / other)
    return parts


@pytest.mark.slow
def test_tasks_that_are_added_are_as_if_packed_together(results: Path) -> None:
    first, _ = _split_by_task(results)
    told = *OWN, "--commit", "a" * 40, "--checkpoint", "model.pt"
    run_command("submit", "pack", first, *told, "--output", "parts")
    run_command("submit", "verify", "parts/schnet/model")
    said = run_command("submit", "add", results / "model", "parts/schnet/model")  # one of them is there
    assert "model: toy/ring (probe) added" in said and not Path("parts/schnet/model/receipt.json").exists()
    run_command("submit", "pack", results / "model", *told, "--output", "whole")
    for root in ("parts", "whole"):
        assert "re-scored, 2 scores" in run_command("submit", "verify", f"{root}/schnet/model")
    assert _files(Path("parts")) == _files(Path("whole"))
    parts, whole = (
        yaml.safe_load(Path(root, "schnet/model/submission.yaml").read_text()) for root in ("parts", "whole")
    )
    assert parts.pop("cost")["seconds"] == pytest.approx(whole.pop("cost")["seconds"], rel=0.02)
    assert parts == whole


def _files(root: Path) -> dict[str, bytes]:
    """Predictions and weights of a submission."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.suffix in {".parquet", ".pt"}
    }


def test_nothing_that_is_packed_is_lost(results: Path) -> None:
    first, second = _split_by_task(results)
    run_command("submit", "pack", first, *OWN)
    folder = Path("submissions/schnet/model")
    before = _files(folder)
    with pytest.raises(UserError, match=r"has toy/size \(probe\), which these results lack; .*submit add"):
        run_command("submit", "pack", second, *OWN)
    with pytest.raises(UserError, match="has all of these results already"):
        run_command("submit", "add", first, folder)
    (scratch,) = results.glob("scratch-*")
    with pytest.raises(UserError, match=r"of 'scratch-schnet-.*', and .* is of 'model'"):
        run_command("submit", "add", scratch, folder)
    card = folder / "submission.yaml"
    text = card.read_text()
    card.write_text(text.replace(yaml.safe_load(text)["weights"]["encoder_digest"], "0a" * 32))
    with pytest.raises(UserError, match="other weights"):
        run_command("submit", "add", second, folder)
    card.write_text(text)
    (folder / "stray.txt").write_text("?")
    with pytest.raises(UserError, match="not listed"):
        run_command("submit", "add", second, folder)
    (folder / "stray.txt").unlink()
    assert _files(folder) == before and card.read_text() == text and not list(folder.parent.glob(".*"))


def test_packing_again_keeps_weights_and_own_files(results: Path) -> None:
    own = Path("submissions/schnet/model")
    own.mkdir(parents=True)
    (own / "checkpoint.pt").write_bytes(b"somebody's own")
    with pytest.raises(UserError, match=r"checkpoint\.pt: is another file than model\.pt"):
        run_command("submit", "pack", results / "model", *OWN, "--checkpoint", "model.pt")
    assert (own / "checkpoint.pt").read_bytes() == b"somebody's own"
    shutil.copy("model.pt", own / "checkpoint.pt")
    run_command("submit", "pack", results / "model", *OWN, "--checkpoint", "model.pt")
    (own / "figures" / "empty").mkdir(parents=True)
    (own / "link").symlink_to(results, target_is_directory=True)
    (own / "figures" / "loss.png").write_bytes(b"a figure")
    (own / "README.md").write_text("About it.")
    before, card = _files(own), yaml.safe_load((own / "submission.yaml").read_text())
    said = run_command("submit", "pack", results / "model", *OWN, "--notes", "Told better.")
    assert "kept, but no submission that verifies: 'figures/loss.png' is not listed" in said
    assert (own / "figures" / "empty").is_dir() and (own / "link").is_symlink()
    again = yaml.safe_load((own / "submission.yaml").read_text())
    assert again.pop("notes") == "Told better." and _files(own) == before and "checkpoint" in again["weights"]
    assert again == card
    assert (own / "figures" / "loss.png").read_bytes() == b"a figure" and (own / "README.md").exists()
    path = save_checkpoint(Path("other/model.pt"), seed=5)
    evaluate([path], ["toy/size,toy/ring"], seeds=2, output="other/r", scratch=False, executor="inline")
    with pytest.raises(UserError, match="other weights than were evaluated; give --checkpoint"):
        run_command("submit", "pack", "other/r/model", *OWN)
    assert _files(own) == before
    run_command("submit", "pack", "other/r/model", *OWN, "--checkpoint", path)
    assert (own / "checkpoint.pt").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_checkpoint_is_evaluated_again_in_another_process(results: Path) -> None:
    run_command("submit", "pack", results / "model", *OWN, "--commit", "a" * 40, "--checkpoint", "model.pt")
    assert "re-run, 2 scores" in run_command("submit", "verify", "--rerun")
    rerun = Receipt.read(Path("submissions/schnet/model/receipt.json")).rerun
    assert rerun is not None and rerun.largest <= rerun.tolerance
    with pytest.raises(UserError, match="which is not believed"):  # it may be somebody's own word
        run_command("submit", "verify", "--check")


@pytest.mark.slow
def test_what_lacks_a_commit_stays_reported(results: Path) -> None:
    assert "commit its tier stays 'reported'" in run_command("submit", "pack", results / "model", *OWN)
    assert "reported, 2 scores" in run_command("submit", "verify")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--paper", "http://example.org"), "--paper: an address must be https"),
        (("--link", "code"), "write name=https"),
        (("--commit", "main"), "--commit"),
        (("--license", "Foo-9"), "--licence: 'Foo-9' is no SPDX identifier"),
        (("--device", "H200"), "give --device and --hours"),
        (("--family", "A family"), "the family"),
        (("--checkpoint", "other.pt"), "no such file"),
    ],
)
def test_mistakes_leave_nothing_behind(results: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run_command("submit", "pack", results / "model", *OWN, *arguments)
    assert not list(Path("submissions").rglob("*.yaml")) if Path("submissions").exists() else True


def test_results_of_two_models_or_that_do_not_hold_are_refused(results: Path) -> None:
    with pytest.raises(UserError, match="pack one at a time"):
        run_command("submit", "pack", results, *OWN)
    path = results / "model" / "toy" / "size" / "probe" / "0" / "result.json"
    path.write_text(path.read_text().replace('"key": "', '"key": "0'))
    with pytest.raises(UserError, match="do not hold"):
        run_command("submit", "pack", results / "model", *OWN)


def test_a_submission_is_withdrawn_with_its_reason(results: Path) -> None:
    run_command("submit", "pack", results / "model", *OWN)
    run_command("submit", "withdraw", "submissions/schnet/model", "--reason", "trained on the test split")
    (withdrawn,) = withdrawals(Path("submissions"))
    assert withdrawn.submission == "schnet/model" and "test split" in withdrawn.reason
    for command in ("validate", "verify"):
        said = run_command("submit", command, "submissions/schnet/model")
        assert f"withdrawn on {withdrawn.date}: trained on the test split; withdrawn.yaml says so" in said
    with pytest.raises(UserError, match="already"):
        run_command("submit", "withdraw", "submissions/schnet/model", "--reason", "again")
    with pytest.raises(UserError, match="has no predictions of toy/none"):
        run_command("submit", "withdraw", "submissions/schnet/model", "--reason", "x", "--task", "toy/none")
