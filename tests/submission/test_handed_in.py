"""Predictions of a model that never leaves its owner become a submission like any other."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from molbench.evaluation.handed_in.score import score_predictions
from molbench.evaluation.handed_in.template import predictions_template
from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from molbench.spec.request import ask
from molbench.submission.pack import pack
from molbench.submission.request import PackRequest
from molbench.submission.validate import validate
from molbench.submission.verify import verify


def test_predictions_only_are_packed_and_verified(tmp_path: Path) -> None:
    """Of one seed, whose interval nobody knows."""
    table = predictions_template("xtb-molecules/alpha")
    values = pa.array(50 + np.random.default_rng(0).normal(size=len(table)))
    place = table.schema.get_field_index("prediction")
    pa.csv.write_csv(table.set_column(place, "prediction", values), tmp_path / "p.csv")
    report = score_predictions(tmp_path / "p.csv", "mine", output=tmp_path / "results")
    request = ask(
        PackRequest,
        results=tmp_path / "results" / "mine",
        name="Mine",
        licence="MIT",
        authors=["somebody"],
        output=tmp_path / "submissions",
    )
    folder, catalogue = pack(request), Catalogue.load()
    assert validate(folder, catalogue) == []
    receipt = verify(folder, Trust(catalogue)).receipt
    assert receipt is not None and receipt.tier == "reported"
    assert receipt.task_scores[0].mean == np.float64(f"{report.rows[0].mean:.9g}")
    assert np.isnan(receipt.task_scores[0].half_width)
