"""Numbers of papers stand beside scores, and are never ranked with them."""

import pytest

from molbench.backbones import BACKBONES
from molbench.evaluation.protocols import load_protocol
from molbench.leaderboard import load_boards
from molbench.leaderboard.published import published_scores, reported_papers, unit_of
from molbench.leaderboard.render import made_again
from molbench.leaderboard.reproduced import Ours
from molbench.leaderboard.score import Score
from molbench.leaderboard.table import Row
from molbench.methods import METHODS
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


def test_what_a_paper_and_a_board_have_in_common_exists_here() -> None:
    for _, table in TABLES:
        for told in table.reproduced.values():
            assert told.backbone in BACKBONES and (told.method is None or told.method in METHODS)


def _row(model: str, method: str | None) -> Row:
    own = dict.fromkeys(("pretrained_on", "encoder_digest", "rank", "rank_high", "relative_error", "gain"))
    return Row(model=model, backbone="painn", method=method, tasks=1, overlap=0, warnings=[], **own)


def _score(model: str, mean: float) -> Score:
    return Score(
        board="b",
        model=model,
        task="qm9/homo",
        metric="mae",
        unit="meV",
        direction="lower",
        mean=mean,
        half_width=1.0,
        spread=None,
        seeds=3,
        records=1000,
        clusters=1000.0,
        few=False,
        over_scratch=None,
    )


def test_a_number_made_again_stands_beside_with_its_deviation_and_budget() -> None:
    """GeoSSL's PaiNN has 26.0 meV without pretraining and 23.48 with DDM, after 1,000 epochs."""
    rows = [_row("ours", "geossl-ddm"), _row("scratch-painn", None), _row("else", "coord")]
    scores = {("qm9/homo", row.model): _score(row.model, 46.96) for row in rows}
    tenth = load_protocol("geossl")
    tenth = tenth.model_copy(update={"training": tenth.training.model_copy(update={"epochs": 100})})
    listed = [
        score
        for score in published_scores([KNOWN["qm9/homo"]], Ours(rows, scores, tenth))
        if score.reproductions
    ]
    told = {(score.model, own.model): own for score in listed for own in score.reproductions}
    assert told.keys() == {("GeoSSL-DDM", "ours"), ("none", "scratch-painn")}
    own = told["GeoSSL-DDM", "ours"]
    assert own.deviation == pytest.approx(1.0) and own.budget == pytest.approx(0.1)
    assert made_again(own) == "46.96 ± 1.0 (+100.0 %, 0.10 of the budget)"
    probed = published_scores([KNOWN["qm9/homo"]], Ours(rows, scores, load_protocol("probe")))
    assert {own.budget for score in probed for own in score.reproductions} == {None}
