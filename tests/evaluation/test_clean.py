"""Scores of what pretraining has not seen, told by the corpora that checkpoints declare."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from molbench.chem.inchikeys import inchikey
from molbench.cli import main
from molbench.data.folder.manifest import Manifest
from molbench.data.leakage import exposure as exposures
from molbench.errors import UserError
from molbench.evaluation.clean.scores import CleanScore, CleanScores, clean_scores
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.result import RESULT_FILE, Stored
from molbench.evaluation.score import score
from molbench.paths import home
from tests.chem.test_connectivity import conformers
from tests.data.leakage.conftest import handmade
from tests.leaderboard.conftest import write_result
from tests.manifests import content_digest

__all__ = ["handmade"]

#: The first twelve are the test split, the first four of which are in the corpus.
SMILES = [
    "CCO",
    "CCN",
    "CCC",
    "CC=O",
    "c1ccccc1",
    "c1ccncc1",
    "C1CCCCC1",
    "O=C=O",
    "C#N",
    "CSC",
    "FCF",
    "ClCCl",
]
SEEN = 4
TASK = {"target": "y", "metrics": ["mae"], "unit": "1", "scheme": "s", "schemes": ["s"], "why": "w"}


@pytest.fixture
def results(handmade: Callable[..., Path], tmp_path: Path) -> Path:
    ids, n = [f"t{i}" for i in range(len(SMILES) + 2)], len(SMILES)
    table = pa.table({"id": ids, "smiles": [*SMILES, "CCCC", "CCCO"], "y": np.zeros(n + 2)})
    bench = handmade(
        "bench", table, {"s": ["test"] * n + ["train", "validation"]},
        declared={"s": {"generator": "ratio", "description": "d"}}, tasks={"y": TASK},
        targets={"y": {"unit": "1", "description": "y"}},
    )  # fmt: skip
    keyed = table.append_column(
        "inchikey", pa.array([inchikey(one) for one in table.column("smiles").to_pylist()], pa.string())
    )
    Manifest.read(bench).model_copy(update={"digest": content_digest(keyed)}).write(bench)
    # OCC is ethanol written the other way round.
    corpus = pa.table({"id": ["a", "b", "c", "d", "e"], "smiles": ["OCC", *SMILES[1:SEEN], "BrBr"]})
    handmade(
        "corpus", corpus, {"pretrain": ["train"] * 5},
        declared={"pretrain": {"generator": "ratio", "description": "d"}}, tasks={},
    )  # fmt: skip
    return tmp_path / "results"


def write(root: Path, model: str, errors: np.ndarray, seed: int = 0, **checkpoint: Any) -> Stored:
    """A result on the test split with absolute errors, [n]."""
    stored = write_result(root, model, "bench/y", seed, **checkpoint)
    predictions = Predictions([f"t{i}" for i in range(errors.size)], np.zeros(errors.size), errors, "1")
    predictions.write(stored.folder / "predictions.parquet")
    content = json.loads((stored.folder / RESULT_FILE).read_text())
    content["task"]["declaration"] |= {"target": "y", "metrics": ["mae"], "unit": "1", "scheme": "s"}
    built = Manifest.read(home() / "datasets" / "bench")
    content["task"]["split_digest"] = built.schemes["s"].content
    declaration = stored.result.task.declaration.model_validate(content["task"]["declaration"])
    content["metrics"] = {name: value.model_dump() for name, value in score(declaration, predictions).items()}
    (stored.folder / RESULT_FILE).write_text(json.dumps(content))
    return Stored.read(stored.folder)


def pretrained(folder: str = "corpus", **stage: Any) -> dict[str, Any]:
    from molbench.paths import home

    digest = Manifest.read(home() / "datasets" / folder).digest
    return {"dataset": folder, "subset": None, "digest": digest, "scheme": "pretrain", **stage}


def rows(scores: CleanScores, model: str, common: bool = False) -> dict[str, CleanScore]:
    return {row.records: row for row in scores.rows if row.model == model and row.common is common}


ERRORS = np.where(np.arange(len(SMILES)) < SEEN, 0.0, 1.0)


def test_what_was_seen_is_left_out_of_the_score(results: Path) -> None:
    write(results, "m", ERRORS, pretraining=pretrained())
    write(results, "scratch-b", ERRORS)
    scores = clean_scores(results, tanimoto=0.5)
    own, scratch = rows(scores, "m"), rows(scores, "scratch-b")
    assert own["all"].score == pytest.approx(8 / 12) and own["all"].n == 12
    assert own["unseen"].score == pytest.approx(1.0) and own["unseen"].n == 8
    assert own["tanimoto <= 0.5"].n <= 8 and own["tanimoto <= 0.5"].score == pytest.approx(1.0)
    assert scratch["unseen"].n == scratch["tanimoto <= 0.5"].n == 12
    assert not scores.unjudged


def test_the_lower_the_similarity_the_fewer_the_records(results: Path) -> None:
    write(results, "m", ERRORS, pretraining=pretrained())
    limits = (0.0, 0.3, 0.6, 0.99, 1.0)
    scores = [rows(clean_scores(results, tanimoto=limit), "m") for limit in limits]
    counts = [own[f"tanimoto <= {limit:g}"].n for own, limit in zip(scores, limits, strict=True)]
    assert counts == sorted(counts) and counts[-1] == 12 and counts[-2] == 8


def test_ranks_are_of_the_records_that_are_clean_for_all(results: Path) -> None:
    """A model that knows what it has seen, and is no better on the rest, loses its lead."""
    rng = np.random.default_rng(0)
    for seed in range(3):
        noise = 0.01 * rng.random(len(SMILES))
        write(results, "knows", ERRORS + noise, seed, pretraining=pretrained())
        write(results, "scratch-b", 0.8 + noise[::-1], seed)
    scores = clean_scores(results)
    knows, scratch = (rows(scores, model, common=True)["unseen"] for model in ("knows", "scratch-b"))
    assert knows.n == scratch.n == 8
    assert (knows.score, scratch.score) == pytest.approx((1.0, 0.8), abs=0.02)
    assert scratch.rank == 1 <= knows.rank


def test_test_molecules_that_were_left_out_count_as_unseen(results: Path) -> None:
    excluded = {"identities": ["bench@s: inchikey"], "records": SEEN, "tasks": ["bench/y"]}
    write(results, "m", ERRORS, pretraining=pretrained(excluded=excluded))
    own = rows(clean_scores(results, tanimoto=0.99), "m")
    assert own["unseen"].n == own["tanimoto <= 0.99"].n == 12


@pytest.mark.parametrize("spared", [False, True])
def test_a_corpus_of_geometries_is_compared_with_drawings_by_bond_graphs(
    spared: bool, results: Path, handmade: Callable[..., Path]
) -> None:
    molecules = [*SMILES[:SEEN], "CCCCO"]
    numbers, positions = zip(*(conformers(one, 1)[0] for one in molecules), strict=True)
    table = pa.table(
        {
            "id": [f"g{i}" for i in range(len(molecules))],
            "atomic_numbers": [one.tolist() for one in numbers],
            "positions": [one.tolist() for one in positions],
        }
    )
    scheme = {"pretrain": {"generator": "ratio", "description": "d"}}
    handmade("shapes", table, {"pretrain": ["train"] * len(molecules)}, declared=scheme, tasks={})
    excluded = {"identities": ["bench@s: connectivity"], "records": SEEN, "tasks": ["bench/y"]}
    stage = pretrained("shapes", **{"excluded": excluded} if spared else {})
    write(results, "m", ERRORS, pretraining=stage)
    scores = clean_scores(results, tanimoto=0.99)
    own = rows(scores, "m")
    assert not scores.unjudged
    assert own["unseen"].n == own["tanimoto <= 0.99"].n == (12 if spared else 8)
    unlike = rows(clean_scores(results, tanimoto=0.1), "m")["tanimoto <= 0.1"].n
    assert 0 < unlike < own["unseen"].n  # what has a methyl group, say, is a little like butanol


def test_stages_add_up(results: Path) -> None:
    first = pretrained()
    write(results, "m", ERRORS, pretraining={**pretrained("bench", scheme="s"), "stages": [first]})
    assert rows(clean_scores(results), "m")["unseen"].n == 8


def test_a_comparison_with_a_corpus_is_kept_as_long_as_neither_changes(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(results, "m", ERRORS, pretraining=pretrained())
    before = clean_scores(results)
    (kept,) = (home() / "exposures").iterdir()
    with monkeypatch.context() as patched:
        patched.setattr(exposures, "exposure", lambda *_a, **_k: pytest.fail("compared again"))
        assert clean_scores(results).rows == before.rows
        patched.setattr(exposures, "_VERSION", exposures._VERSION + 1)
        with pytest.raises(pytest.fail.Exception):
            clean_scores(results)
    kept.write_text("damaged")
    assert clean_scores(results).rows == before.rows


@pytest.mark.parametrize(
    ("pretraining", "why"),
    [
        ({}, "does not say what it was pretrained on"),
        ({"dataset": "md22"}, "'md22' is not built here: `molbench data build md22`"),
        (
            {"dataset": "md17-partial", "subset": "uracil"},
            "`molbench data build md17 --subset uracil` --allow-partial",
        ),
        (
            {"dataset": "mine"},
            "'mine' is not built here; it is in no catalogue: `molbench data import FILE --name",
        ),
        ({"dataset": "../x"}, "its corpus '../x' is not built here"),
        ({"dataset": "corpus", "subset": ["x"]}, "names no part of its corpus"),
        (
            {"dataset": "corpus", "digest": "0" * 64, "scheme": "pretrain"},
            "is not the one that is built here",
        ),
        ({"dataset": ["x"]}, "not built here"),
        ({"init": "0" * 64}, "does not say what it was pretrained on"),
    ],
)
def test_what_cannot_be_judged_has_one_score_and_a_reason(
    pretraining: dict[str, Any], why: str, results: Path
) -> None:
    write(results, "m", ERRORS, pretraining=pretraining)
    scores = clean_scores(results)
    assert list(rows(scores, "m")) == ["all"]
    assert why in scores.unjudged["m", "bench/y"]


def test_the_command_prints_all_of_it(results: Path) -> None:
    write(results, "m", ERRORS, pretraining=pretrained())
    write(results, "other", ERRORS, pretraining={})
    shown = CliRunner().invoke(main.app, ["clean", str(results)])
    assert shown.exit_code == 0, shown.output
    assert "8/12" in shown.output and "not judged: other on bench/y" in shown.output
    content = json.loads(CliRunner().invoke(main.app, ["clean", str(results), "--json"]).output)
    assert {row["records"] for row in content["scores"]} == {"all", "unseen", "tanimoto <= 0.7"}
    with pytest.raises(UserError, match="between 0 and 1"):
        clean_scores(results, tanimoto=70)
