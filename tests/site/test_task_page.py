"""What a task's page shows of its records."""

from html import unescape
from pathlib import Path

import numpy as np

from molbench.numbers import plain
from molbench.site.facts import Facts
from molbench.site.task_page import _labels, task_page
from molbench.spec.catalogue import Catalogue
from tests.leaderboard.conftest import write_result
from tests.site.conftest import records_of


def test_an_audit_has_no_panel_of_labels() -> None:
    """Nothing is trained for it, and its labels are all zero."""
    facts = Facts(Catalogue.load())
    (audit,) = facts.catalogue.tasks("audit/rotation")
    assert _labels(audit, facts) is None
    (trained,) = facts.catalogue.tasks("xtb-molecules/gap")
    assert _labels(trained, facts)


def test_where_records_do_not_lie_here_the_page_says_so_and_tells_what_the_catalogue_knows(
    tmp_path: Path,
) -> None:
    """The trivial baseline is that of the score's own labels, which its receipt has."""
    for seed in range(3):
        write_result(tmp_path, "good", "qm9/homo", seed, 0.2)
    facts, (records, evidence) = Facts(Catalogue.load()), records_of(tmp_path, tasks=["qm9/homo"])
    task = facts.task("qm9/homo")
    assert task.folder is None
    page = unescape(task_page(records, "qm9/homo", facts, None))
    target = evidence.one("qm9/homo").predictions.target
    for told in (
        task.scheme.description,
        "molbench data build qm9",
        f"<dd>{plain(np.abs(target - target.mean()).mean())}</dd>",
    ):
        assert told in page
    assert "<svg" in page and 'class="histogram"' not in page
