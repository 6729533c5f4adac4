"""Submissions scored on what their models have not seen, from the files that they hand in."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from molbench.cli.main import app
from molbench.data.folder.manifest import Manifest
from molbench.errors import UserError
from molbench.evaluation.clean.scores import CleanScore, CleanScores
from molbench.submission.clean import clean_submissions
from tests.rooms import ROOT
from tests.submission.packed import write_submission


def rows(scores: CleanScores, model: str, common: bool = False) -> dict[str, CleanScore]:
    return {row.records: row for row in scores.rows if row.model == model and row.common is common}


@pytest.fixture
def corpus(toy_home: Path) -> dict[str, str]:
    """A stage of pretraining as a card tells it: which dataset, and no split of it."""
    return {"dataset": "toy", "digest": Manifest.read(toy_home / "datasets" / "toy").digest}


def test_what_a_card_names_without_a_split_counts_as_seen_as_a_whole(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    write_submission(tmp_path, "all", tasks=("toy/size",), pretraining=[corpus])
    write_submission(tmp_path, "scratch-x", tasks=("toy/size",))
    scores = clean_submissions(tmp_path)
    own, scratch = rows(scores, "all"), rows(scores, "scratch-x")
    assert own["all"].n == own["all"].of == scratch["unseen"].n == 24
    assert own["unseen"].n == 0 and own["unseen"].score is None
    assert rows(scores, "all", common=True)["unseen"].n == 0
    assert not scores.unjudged and not scores.damaged


def test_models_of_one_name_are_told_apart_and_damage_leaves_the_others_alone(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    first, second = (
        write_submission(
            tmp_path, "same", family=family, tasks=("toy/size", "toy/mass"), pretraining=[corpus]
        )
        for family in ("one", "two")
    )
    (first / "predictions/toy/mass/probe.parquet").write_bytes(b"PAR1")
    scores = clean_submissions(tmp_path)
    assert {row.model for row in scores.rows} == {"one/same", "two/same"}
    assert [str(path.relative_to(first)) for path in scores.damaged] == ["predictions/toy/mass/probe.parquet"]
    (second / "submission.yaml").write_text("{")
    assert set(clean_submissions(tmp_path).damaged) >= {second}
    assert {row.task for row in clean_submissions(first, tasks="*/size").rows} == {"toy/size"}
    with pytest.raises(UserError, match="no predictions of these tasks"):
        clean_submissions(first, tasks="qm9/*")


def test_what_is_committed_is_scored_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own encoders saw the training split of the task, as their cards say: no test molecule."""
    monkeypatch.setattr("molbench.backbones.build_backbone", lambda *_: pytest.fail("a model is built"))
    scores = clean_submissions(ROOT / "submissions" / "learning", tasks="xtb-molecules/gap")
    counts = {row.model: (row.n, row.of) for row in scores.rows if row.records == "unseen" and not row.common}
    unseen, of = counts["coord-200-steps"]
    assert 0 < unseen == of and counts["scratch-painn-be83e77a"] == (of, of)
    shuffled = scores.unjudged["supervised-shuffled-labels-200-steps", "xtb-molecules/gap"]
    assert "its corpus 'xtb-molecules-shuffled' is not built here" in shuffled


def test_a_card_that_names_the_split_is_held_against_its_training_records(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    """Of two encoders that saw a training split and one that did not, ranks are on what is clean for all."""
    stage = corpus | {"scheme": "random"}
    for model, error in {"good": 0.1, "fair": 0.4}.items():
        write_submission(tmp_path, model, error=error, tasks=("toy/size",), pretraining=[stage])
    write_submission(tmp_path, "scratch-x", error=0.9, tasks=("toy/size",))
    scores = clean_submissions(tmp_path)
    counts = {model: rows(scores, model)["unseen"].n for model in ("good", "fair", "scratch-x")}
    assert counts["good"] == counts["fair"] <= counts["scratch-x"] == 24
    common = {model: rows(scores, model, common=True)["unseen"] for model in counts}
    assert {row.n for row in common.values()} == {counts["good"]}
    if counts["good"] > 10:
        assert [common[model].rank for model in ("good", "fair", "scratch-x")] == [1, 2, 3]


def test_a_corpus_that_cannot_be_had_is_named_with_the_command_that_makes_it() -> None:
    """In one line, behind the scores on all records; a model that saw nothing is still judged."""
    told = "its corpus 'qm9-geometries' is not built here; it is in no catalogue: `molbench data import FILE"
    words = ["clean", str(ROOT / "submissions" / "painn" / "coord"), "-t", "xtb-molecules/*"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UserError) and told in str(done.exception)
    assert "\n" not in str(done.exception) and done.output.count("not judged: coord on") == 1
    words[1] = str(ROOT / "submissions" / "painn")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and told in done.output and "scratch-painn-787cdcef" in done.output
