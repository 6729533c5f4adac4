"""Numbers of papers stand beside scores, and are never ranked with them."""

import pytest

from molbench.leaderboard import load_boards
from molbench.leaderboard.published import published_scores, reported_papers, unit_of
from molbench.metrics import METRICS
from molbench.spec.catalogue import Catalogue
from molbench.spec.units import factor

CATALOGUE = Catalogue.load()
KNOWN = {ref.id: ref for ref in CATALOGUE.tasks(["*/*", "*/*@*"])}
TABLES = [(name, table) for name, paper in reported_papers().items() for table in paper.tables]


@pytest.mark.parametrize(("paper", "table"), TABLES, ids=[f"{name}: {table.table}" for name, table in TABLES])
def test_columns_are_tasks_of_the_catalogue_in_a_unit_of_theirs(paper: str, table) -> None:
    for column in table.columns.values():
        if column.task is None:
            continue
        ref = KNOWN[column.task]
        assert column.metric in ref.task.metrics
        if METRICS[column.metric].scaled and column.metric == ref.task.metrics[0]:
            assert factor(column.unit, unit_of(ref)) > 0
    for model, row in table.rows.items():
        assert model.strip() and row
        for number in row.values():
            value, spread = number if isinstance(number, tuple) else (number, 0.0)
            assert abs(value) < 1e6 and spread >= 0


def test_every_number_says_where_it_was_read_and_how_it_was_made() -> None:
    for _, table in TABLES:
        assert table.sources and table.match in {"yes", "no", "unknown"}
        if table.match == "yes":
            assert table.protocol and table.split


def test_they_stand_beside_the_boards_in_the_units_of_the_tasks() -> None:
    board = load_boards()["qm9"]
    scores = published_scores(CATALOGUE.tasks(board.tasks, board.suite))
    assert len(scores) > 500
    for score in scores:
        assert score.unit == unit_of(KNOWN[score.task]) and score.publication.paper
    # A percentage is a share here.
    shares = published_scores([KNOWN["ddi/zhang"]])
    assert shares and all(0 < score.value <= 1 for score in shares)


def test_what_was_read_off_a_figure_is_not_shown() -> None:
    figures = {table.table for _, table in TABLES if table.reading == "figure"}
    shown = {score.publication.table for score in published_scores(list(KNOWN.values()))}
    assert figures and not figures & shown
