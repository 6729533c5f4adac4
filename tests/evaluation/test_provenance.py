"""What results say about the pretraining of what they scored."""

from pathlib import Path
from typing import Any

import pytest

from molbench.data.leakage.attach import contamination
from molbench.evaluation.plan import Run
from molbench.evaluation.seen import contaminations, overlap
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.provenance import stages


class Planned:
    """As much of a run as its provenance is compared with."""

    def __init__(self, task: TaskRef) -> None:
        self.task = task


def planned(pattern: str) -> Any:
    (task,) = Catalogue.load().tasks([pattern])
    return Planned(task)


@pytest.fixture
def run() -> Run:
    return planned("xtb-solvation/dg_solv@random")


def test_stages_of_any_provenance() -> None:
    assert stages({}) == []
    assert stages({"dataset": "a"}) == [{"dataset": "a"}]
    assert stages({"dataset": "b", "init": "1f", "stages": [{"dataset": "a"}]}) == [
        {"dataset": "a"},
        {"dataset": "b", "init": "1f"},
    ]
    # A file of the first version knows of its start only that there was one.
    assert stages({"dataset": "b", "init": "1f"}) == [{}, {"dataset": "b", "init": "1f"}]
    assert stages({"dataset": "b", "init": None, "stages": []}) == [{"dataset": "b", "init": None}]
    for nonsense in ("text", 3, {"a": 1}, ["text", None]):
        assert stages({"dataset": "b", "stages": nonsense}) == [{"dataset": "b"}]


def test_every_stage_is_told(run: Run) -> None:
    first = {"dataset": "xtb-solvation", "scheme": "molecule"}
    last = {"dataset": "geom", "excluded": {"tasks": ["lba/affinity"], "records": 3}}
    assert overlap(run.task, {}) is None
    assert overlap(run.task, last) == (
        "pretrained on 'geom'; 3 records left out because they are in the test splits of lba/affinity"
    )
    both = overlap(run.task, last | {"stages": [first]})
    assert both == (
        "pretrained on the same dataset ('xtb-solvation', training split of scheme 'molecule'); then "
        + str(overlap(run.task, last))
    )
    unknown = overlap(run.task, last | {"init": "1f"})
    assert unknown == f"the checkpoint does not say what it was pretrained on; then {overlap(run.task, last)}"


def test_many_excluded_tasks_are_counted(run: Run) -> None:
    excluded = {"tasks": [f"a/{n}" for n in range(50)], "records": 3}
    assert str(overlap(run.task, {"dataset": "geom", "excluded": excluded})).endswith(
        "test splits of 50 tasks"
    )


def test_contamination_of_any_stage_is_a_warning(run: Run) -> None:
    seen = {"dataset": "a", "contaminated": True, "test_pairs": {"xtb-solvation@random": 1200}}
    clean = {"dataset": "b", "contaminated": False}
    warning = "contaminated: 1,200 of its test pairs were pretrained on"
    assert contaminations(run.task, seen) == [warning]
    assert contaminations(run.task, clean | {"stages": [seen]}) == [warning]
    assert contaminations(run.task, clean) == contaminations(run.task, {}) == []
    none = seen | {"test_pairs": {"xtb-solvation@random": 0}}
    assert contaminations(run.task, none) == []
    for unknown in ({}, {"xtb-solvation@molecule": 3}, "text", {"xtb-solvation@random": "many"}):
        (text,) = contaminations(run.task, seen | {"test_pairs": unknown})
        assert text == "contaminated: its test pairs were not left out of pretraining"


def test_contamination_by_pairs_is_no_matter_of_single_molecules() -> None:
    assert contamination({"contaminated": True}, planned("xtb-molecules/gap").task) is None


def test_the_warning_reaches_the_result(save: Any, tmp_path: Path) -> None:
    from molbench.evaluation import evaluate
    from molbench.evaluation.protocols import load_protocol

    path = save(tmp_path / "seen.pt", pretraining={"dataset": "a", "contaminated": True})
    report = evaluate(
        [path],
        ["xtb-solvation/dmu@molecule-both"],
        protocol=load_protocol("probe"),
        seeds=1,
        output=tmp_path / "results",
        executor="inline",
    )
    assert not report.failures
    told = {stored.result.checkpoint.name: stored.result.warnings for stored in report.results}
    assert told.pop("seen") == ["contaminated: its test pairs were not left out of pretraining"]
    assert all(not any("contaminated" in text for text in texts) for texts in told.values())
