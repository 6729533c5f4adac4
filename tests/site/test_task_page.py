"""What a task's page shows of its records."""

from molbench.site.facts import Facts
from molbench.site.task_page import _labels
from molbench.spec.catalogue import Catalogue


def test_an_audit_has_no_panel_of_labels() -> None:
    """Nothing is trained for it, and its labels are all zero."""
    facts = Facts(Catalogue.load())
    (audit,) = facts.catalogue.tasks("audit/rotation")
    assert _labels(audit, facts) is None
    (trained,) = facts.catalogue.tasks("xtb-molecules/gap")
    assert _labels(trained, facts)
