"""The size of batches is a matter of speed alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from molbench.backbones import BACKBONES
from molbench.data.read.store import Store
from molbench.evaluation import embedding as embeddings
from molbench.evaluation import evaluate
from molbench.evaluation.audits.base import per_record
from molbench.spec.catalogue import Catalogue
from molbench.testing import small_backbone
from tests.evaluation.test_external import Net

SIZES = (1, 7, 128)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BACKBONES))
def test_batches_of_1_7_and_128_give_the_same_vectors(name: str) -> None:
    """Of every encoder, on embedded records, as closely as the audit of batches allows."""
    torch.manual_seed(0)
    backbone = small_backbone(name).double().eval()
    dataset, audit = {
        "molecules": ("xtb-spectra/ir", "audit/batch"),
        "pairs": ("xtb-solvation/dg_solv", "audit/pair-batch"),
    }[backbone.inputs]
    catalogue = Catalogue.load()
    (task,), (law,) = catalogue.tasks(dataset), catalogue.tasks(audit)
    assert task.folder is not None and law.task.tolerance is not None
    vectors = []
    for size in SIZES:
        batches, _ = backbone.distinct(Store.open(task.folder), size)
        some = [next(batches).to("cpu", torch.float64) for _ in range(-(-SIZES[-1] // size))]
        with torch.no_grad():
            vectors.append(torch.cat([backbone(batch).graph for batch in some])[: SIZES[-1]])
    for other in vectors[1:]:
        assert per_record(other, vectors[0]).max() <= law.task.tolerance


@pytest.mark.slow
def test_batches_of_1_7_and_128_give_the_same_scores(
    toy_home: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as single precision goes, in which encoders run; each with caches of its own."""
    scores = []
    for size in SIZES:
        monkeypatch.setattr(embeddings, "_BATCH", size)
        monkeypatch.setattr(embeddings, "read_embedding", lambda _path: None)
        report = evaluate(
            checkpoint, "toy/size,toy/mass", seeds=1, scratch=False, output=tmp_path / f"{size}",
            executor="inline",
        )  # fmt: skip
        scores.append([row.mean for row in report.rows])
    assert len(scores[0]) == 2
    np.testing.assert_allclose(scores[1:], scores[:1] * 2, rtol=1e-4)


def test_a_model_whose_answer_depends_on_the_batch_carries_a_mark(toy_home: Path, tmp_path: Path) -> None:
    """Its scores are shown, and beside each of them which law it breaks; results keep it."""
    given = {"seeds": 1, "scratch": False, "output": tmp_path / "r", "executor": "inline"}
    report = evaluate(Net("batches"), "toy/size", name="leaky", **given)
    (row,) = report.rows
    assert any("law of batches" in warning for warning in row.warnings)
    assert "law of batches" in report._repr_html_()
    (stored,) = (tmp_path / "r").rglob("result.json")
    assert any("law of batches" in warning for warning in json.loads(stored.read_text())["warnings"])
