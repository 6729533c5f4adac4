"""A site made from results written by hand, and a browser to look at it with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from molbench.evaluation.result import read_results
from molbench.leaderboard.published import PublishedScore
from molbench.leaderboard.records import Records
from molbench.leaderboard.score import Publication
from molbench.site.evidence import Evidence
from molbench.site.write import write_site
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from tests.leaderboard import tables
from tests.leaderboard.conftest import write_result

TASKS = ("data/a", "data/b", "data/c")
REAL_TASKS = ("xtb-molecules/homo", "xtb-molecules/mu")
HOSTILE = "=cmd|<img src=x onerror=alert(1)>\"'`</script><script>alert(2)</script>\u202e{{7*7}}"
ERRORS = {"good": 0.2, "better": 0.1, "scratch-b": 0.4, "Good": 0.25, HOSTILE: 0.3, "other": 0.35}


def records_of(root: Path, name: str = "b", **changes: Any) -> tuple[Records, Evidence]:
    """The records of one board of all results below a folder."""
    told = {"title": f"Board {HOSTILE}", "description": HOSTILE, "tasks": list(TASKS)} | changes
    stored = read_results(root)
    return tables.records_of(Board(name=name, **told), stored), Evidence.of(stored)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Records, Evidence]:
    """Records of six models on three tasks; one has no score on the last, one a single seed."""
    root = tmp_path_factory.mktemp("results")
    for model, error in ERRORS.items():
        for task in TASKS[: 2 if model == "other" else 3]:
            for seed in range(1 if model == "Good" else 3):
                pretraining = {} if model.startswith("scratch") else {"dataset": HOSTILE}
                write_result(root, model.replace("/", "∕"), task, seed, error, pretraining=pretraining)
    return records_of(root)


@pytest.fixture(scope="session")
def site(made: tuple[Records, Evidence], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of them."""
    folder = tmp_path_factory.mktemp("pages") / "site"
    write_site(*made, Catalogue.load(), folder)
    return folder


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Records, Evidence]:
    """Records of two models on two tasks of the catalogue; every word about them is hostile."""
    root = tmp_path_factory.mktemp("results")
    for model in ("good", "other"):
        for task in REAL_TASKS:
            for seed in range(2):
                write_result(root, model, task, seed, ERRORS[model], overlap=HOSTILE, warnings=[HOSTILE])
    stored = read_results(root)
    board = Board(name="r", title="Real", description="Real tasks.", tasks=list(REAL_TASKS), seeds=2)
    made = tables.records_of(board, stored)
    published = Publication(paper=HOSTILE, table=HOSTILE, url="javascript:alert(3)", dispersion=HOSTILE)
    reported = PublishedScore(
        model=HOSTILE,
        task=REAL_TASKS[0],
        metric="mae",
        unit="eV",
        value=1.0,
        spread=0.1,
        publication=published,
    )
    words = ("title", "commit", "paper", "licence", "notes", "withdrawn")
    told = dict.fromkeys(words, HOSTILE) | {
        "authors": (HOSTILE,),
        "links": {HOSTILE: "javascript:alert(4)"},
    }
    cards = [card.model_copy(update=told) for card in made.cards]
    board_table = made.boards[0].model_copy(update={"published": [reported]})
    return Records(cards=cards, boards=[board_table]), Evidence.of(stored)


@pytest.fixture(scope="session")
def real_site(real: tuple[Records, Evidence], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of them."""
    folder = tmp_path_factory.mktemp("pages") / "real"
    write_site(*real, Catalogue.load(), folder)
    return folder


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page from the disk; whatever it complains of, or asks the network for, fails the test."""
    contexts, complaints = [], []

    def open_page(path: str, where: Path = site, **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("dialog", lambda dialog: (complaints.append("a dialog: a script ran"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:", "blob:")) or complaints.append(request.url)
            ),
        )
        file, _, state = path.partition("#")
        address = (where / file).as_uri()
        page.goto(f"{address}#{state}" if state else address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
