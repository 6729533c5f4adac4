"""What audits found of an encoder stands on the page of its model."""

from pathlib import Path

import pytest

from molbench.evaluation import evaluate
from molbench.leaderboard import build_boards
from molbench.site.audits import _verdict
from molbench.site.evidence import Evidence
from molbench.site.write import write_site
from molbench.spec.catalogue import Catalogue
from tests.evaluation.conftest import save_checkpoint


@pytest.mark.slow
def test_a_model_has_its_audits_beside_their_tolerances(tmp_path: Path) -> None:
    checkpoint = save_checkpoint(tmp_path / "mine.pt", seed=0)
    tasks = ["audit/rotation,audit/coordinate-noise"]
    evaluate([checkpoint], tasks, seeds=1, output=tmp_path / "r", executor="inline", scratch=False)
    built = build_boards(tmp_path / "r", tmp_path / "boards", ["audits"])
    (table,) = built.records.boards
    assert [row.rank for row in table.rows] == [None] and table.rows[0].relative_error is None
    write_site(built.records, Evidence.of(built.results), Catalogue.load(), tmp_path / "site")
    page = (tmp_path / "site" / "models" / "mine.html").read_text(encoding="utf-8")
    assert page.count('class="better">kept') == 1 and "<td>1e-06" in page and "<td>told" in page
    assert "when molecules are rotated" in page and 'class="parity"' not in page
    task = (tmp_path / "site" / "tasks" / "audit--rotation.html").read_text(encoding="utf-8")
    assert "Tolerance" in task and "Predicting the mean" not in task and "<h2>Labels" not in task


@pytest.mark.parametrize(
    ("mean", "worst", "tolerance", "verdict"),
    [
        (0.1, 0.2, 0.3, "kept"),
        (0.1, 0.4, 0.3, "broken"),
        (0.4, None, 0.3, "broken"),
        (0.1, None, 0.3, ""),
        (9.0, 9.0, None, ""),
        (0.0, 0.0, 0.0, "kept"),
    ],
)
def test_the_worst_record_decides(mean: float, worst: float, tolerance: float, verdict: str) -> None:
    assert _verdict(mean, worst, tolerance) == verdict
