"""What lies in ``submissions/`` scores what its receipts say."""

import pytest

from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import submissions_in
from molbench.submission.verify import check_receipt, verify
from tests.rooms import ROOT

pytestmark = pytest.mark.slow

STORED = submissions_in(ROOT / "submissions")


@pytest.fixture(scope="module")
def trust() -> Trust:
    """Labels that were read for one submission serve the next."""
    return Trust(Catalogue.load())


@pytest.mark.parametrize("path", STORED, ids=[f"{path.parent.name}/{path.name}" for path in STORED])
def test_a_stored_submission_is_scored_again(path, trust: Trust) -> None:
    done = verify(path, trust, offline=True, built=True)
    assert done.faults == [] and done.receipt is not None
    assert check_receipt(path, done) is None
    embedded = {"audit", "xtb"}
    assert not [task for task in done.unchecked if task.partition("/")[0].partition("-")[0] in embedded]
