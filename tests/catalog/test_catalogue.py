"""Every declaration on disk is sound."""

import re
from collections import Counter

import pytest

from molbench.data.build.splits import SPLITTERS
from molbench.paths import home
from molbench.spec.catalogue import Catalogue
from molbench.spec.units import factor

CATALOGUE = Catalogue.load()
ENTRIES = list(CATALOGUE.entries.values())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_a_dataset_says_where_it_comes_from(entry) -> None:
    dataset = entry.dataset
    assert dataset.name == entry.folder.name == entry.id
    assert dataset.licence and dataset.citation and len(dataset.summary) > 40
    for subset in [None, *dataset.subsets]:
        for key, source in dataset.subset_sources(subset).items():
            assert all(re.match(r"https?://[^ ]+$", url) for url in source.urls), key


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_schemes_name_known_splitters(entry) -> None:
    for name, scheme in entry.splits.schemes.items():
        assert scheme.generator in SPLITTERS, name
        assert set(scheme.subsets or []) <= set(entry.dataset.subsets), name


@pytest.mark.parametrize("ref", CATALOGUE.tasks(["*/*@*"]), ids=lambda r: r.id)
def test_records_that_come_in_groups_are_clustered(ref) -> None:
    clusters = ref.entry.splits.clusters_of(ref.scheme_name)
    if ref.dataset.record == "pair":
        assert len(clusters) == 2 if ref.dataset.ordered else clusters in (["drug"], ["scaffold"])
    if ref.dataset.identity in {"group", "frame"}:
        assert clusters
    if "scaffold" in ref.scheme_name:
        assert clusters[0] == "scaffold"


def test_a_build_cannot_take_clusters_away() -> None:
    """One from before they were declared would count records that share a scaffold as independent."""
    declared, built = CATALOGUE.dataset("qm9").folder, home() / "datasets" / "qm9-partial"
    built.mkdir(parents=True)
    for name in ("dataset.yaml", "splits.yaml", "tasks.yaml"):
        text = (declared / name).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines(True) if not line.lstrip().startswith("cluster:")]
        (built / name).write_text("".join(lines), encoding="utf-8")
    (task,) = Catalogue.load().tasks(["qm9-partial/homo@scaffold"])
    assert task.entry.splits.clusters_of("scaffold") == []
    assert task.clusters == ["scaffold"]


@pytest.mark.parametrize("ref", CATALOGUE.tasks(["*/*@*"]), ids=lambda r: r.id)
def test_a_task_can_be_scored(ref) -> None:
    if ref.task.kind in {"regression", "spectrum"}:
        assert factor(ref.unit, ref.task.unit) > 0
    if ref.task.kind == "forces":
        assert factor(ref.dataset.forces.unit, ref.task.unit) > 0
    if ref.task.reference:
        reference = ref.dataset.targets[ref.task.target].reference
        assert reference and all(len(symbol) <= 2 for symbol in reference)
    assert len(ref.task.why) > 20
    assert ref.scheme.applies_to(ref.subset)


@pytest.mark.parametrize("ref", CATALOGUE.tasks(["*/*"]), ids=lambda r: r.id)
def test_a_part_that_is_scored_says_how_many_records_it_has(ref) -> None:
    assert ref.dataset.subset_records(ref.subset)


@pytest.mark.parametrize("name", CATALOGUE.suites)
def test_suites_hold_tasks_that_exist(name: str) -> None:
    assert CATALOGUE.tasks(suite=name)


def test_patterns_choose_tasks_and_schemes() -> None:
    ids = [ref.id for ref in CATALOGUE.tasks(["qm9/h*"])]
    assert ids == ["qm9/homo", "qm9/h298"] or set(ids) == {"qm9/homo", "qm9/h298"}
    assert [ref.id for ref in CATALOGUE.tasks(["qm9/homo@scaffold"])] == ["qm9/homo@scaffold"]
    assert [ref.id for ref in CATALOGUE.tasks(["qm9/homo,qm9/lumo"])] == ["qm9/homo", "qm9/lumo"]
    assert len(CATALOGUE.tasks(["qm9/homo@*"])) > 3


def test_core_and_extended_are_the_tasks_of_the_papers() -> None:
    core, extended = (CATALOGUE.tasks(suite=name) for name in ("core", "extended"))
    assert (len(core), len(extended)) == (34, 50)
    assert {ref.id for ref in core} < {ref.id for ref in extended}
    assert Counter(ref.entry.id for ref in core) == {
        "qm9": 12,
        "md17": 8,
        "lba": 1,
        "lep": 1,
        "chromophore": 3,
        "solvation": 5,
        "ddi": 4,
    }
