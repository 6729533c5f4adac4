"""The page of a board in a browser: what a reader does with it, and that no name of a model does a thing."""

import csv
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.statistics import half_width, p_value
from molbench.leaderboard.records import Records
from molbench.site.comparison import described_clusters
from molbench.site.evidence import Evidence
from molbench.site.templating import slug
from tests.site.conftest import ERRORS, HOSTILE, REAL_TASKS, TASKS

pytestmark = pytest.mark.slow
BOARD = "boards/b.html"
#: Columns that say what the models are, before those of the tasks, and those behind them.
ABOUT, BEHIND = 6, 13


def _names(page: Any) -> list[str]:
    return page.locator("#board tbody th a").all_inner_texts()


def _column(page: Any, number: int) -> list[str]:
    return page.locator(f"#board tbody tr > :nth-child({number})").all_inner_texts()


def _sort(page: Any, name: str) -> None:
    page.get_by_role("button", name=f"Sort by {name}").first.click()


def test_every_model_is_there_and_no_name_does_anything(visit) -> None:
    page = visit(BOARD)
    assert len(_names(page)) == len(ERRORS)
    # The mark that turns the order of letters is spelt out.
    assert HOSTILE.replace("\u202e", "<U+202E>") in "".join(_names(page)).replace("∕", "/")
    assert page.locator("img").count() == 0
    assert "49" not in page.locator("h1").inner_text()


def test_rows_are_sorted_in_both_directions_and_what_is_missing_comes_last(visit) -> None:
    page = visit(BOARD)
    last = ABOUT + len(TASKS)
    for down in (False, True):
        page.locator("#board thead th").nth(last - 1).get_by_role("button").click()
        shown = _column(page, last)
        assert shown[-1] == "" and _names(page)[-1] == "other"
        numbers = [float(text.lstrip("▲▼△?").partition("±")[0]) for text in shown[:-1]]
        assert numbers == sorted(numbers, reverse=down)
        said = page.locator("#board thead th").nth(last - 1).get_attribute("aria-sort")
        assert said == ("descending" if down else "ascending")


def test_rows_are_chosen_by_name_backbone_and_corpus(visit) -> None:
    page = visit(BOARD)
    page.get_by_label("Find").fill("GOOD")
    assert sorted(_names(page)) == ["Good", "good"]
    page.get_by_role("button", name="Reset").click()
    page.locator("select[name=corpus]").select_option("none")
    assert _names(page) == ["scratch-b"]
    assert page.get_by_role("status").inner_text() == f"1 of {len(ERRORS)} models"


def test_an_address_shows_what_it_showed(visit) -> None:
    page = visit(BOARD + "#sort=-data%2Fa&q=goo&hide=backbone+method")
    assert _names(page) == ["Good", "good"] and page.get_by_label("Find").input_value() == "goo"
    assert not page.locator("#board thead th", has_text="Backbone").is_visible()
    assert page.locator("#board thead th", has_text="Corpus").is_visible()


def test_thirty_random_clicks_and_a_reload_show_the_same(visit) -> None:
    page, draw = visit(BOARD), random.Random(0)
    for _ in range(30):
        kind = draw.randrange(5)
        if kind == 0:
            buttons = page.locator("#board .sort:visible")
            buttons.nth(draw.randrange(buttons.count())).click()
        elif kind == 1:
            page.get_by_label("Find").fill(draw.choice(["", "o", "good", "r"]))
        elif kind == 2:
            page.locator(".menu").evaluate("menu => menu.open = true")
            boxes = page.locator("#columns [type=checkbox]")
            boxes.nth(draw.randrange(boxes.count())).click()
            page.keyboard.press("Escape")
        elif kind == 3:
            page.locator(".menu").evaluate("menu => menu.open = true")
            page.get_by_label(f"Weight of {draw.choice(TASKS)}").fill(draw.choice(["", "0", "0.5", "2"]))
            page.keyboard.press("Escape")
        elif (free := page.locator("#board tbody input:enabled")).count():
            free.nth(draw.randrange(free.count())).click()
    views = []
    for _ in range(2):
        shown = page.locator("#board").inner_text()
        views.append((shown, page.get_by_role("status").inner_text(), page.evaluate("molbench.exported()")))
        page.reload()
    assert views[0] == views[1]


def test_the_csv_of_the_view_is_the_view(visit) -> None:
    page = visit(BOARD + "#sort=data%2Fb&q=good&hide=backbone")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV of this view").click()
    lines = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [line["model"] for line in lines] == _names(page) == ["good", "Good"]
    assert "backbone" not in lines[0] and lines[1]["data/a ±"] == ""
    shown = [text.lstrip("▲▼△?").partition("±")[0] for text in _column(page, ABOUT + 1)]
    assert [line["data/a"] for line in lines] == [text.strip() for text in shown]


def test_names_start_no_formula_in_a_spreadsheet(visit) -> None:
    page = visit(BOARD)
    told = [line["model"] for line in csv.DictReader(page.evaluate("molbench.exported()").splitlines())]
    assert sum(name.startswith("'=cmd") for name in told) == 1 and not any(name[0] in "=+-@" for name in told)


def test_two_models_are_compared_as_the_package_compares_them(visit, made: tuple[Records, Evidence]) -> None:
    page = visit(BOARD + f"#compare=better+{slug('good')}")
    table = page.locator("#compare table")
    table.wait_for()
    assert "better on 3" in page.locator("#compare p").inner_text()
    script = """([a, b]) => Promise.all([a, b].map(n => molbench.load(`../data/b/${n}.js`))).then(data => {
        const [x, y] = data;
        const tasks = JSON.parse(document.getElementById("compared").textContent).tasks;
        return Object.keys(tasks).map(t => ({t, ...molbench.compare.difference(x[t], y[t], tasks[t])}));
    })"""
    evidence = made[1]
    for one, other in (("better", "good"), ("good", "scratch-b")):
        for shown in page.evaluate(script, [slug(one), slug(other)]):
            records = evidence.records(shown["t"])
            runs = [[evidence.runs[shown["t"], "probe", name]] for name in (one, other)]
            expected = records.difference(*runs)
            assert shown["value"] == pytest.approx(expected.value, rel=1e-6)
            assert shown["halfWidth"] == pytest.approx(float(expected.half_width()), rel=1e-4)
            assert shown["p"] == pytest.approx(float(expected.p), rel=1e-2)


def _on_the_tasks_shown(page: Any) -> dict[str, str]:
    cells = page.locator("#board tbody tr").evaluate_all("rows => rows.map(row => row.cells[4].textContent)")
    return dict(zip(_names(page), cells, strict=True))


def test_a_choice_of_tasks_with_weights_has_a_relative_error_of_its_own(
    visit, made: tuple[Records, Evidence]
) -> None:
    """As the package has it without a choice; the address keeps one."""
    records, evidence = made
    page = visit(BOARD + "#hide=modality")
    errors = {row.model: row.relative_error for row in records.boards[0].rows}
    for model in ("good", "better", "scratch-b"):
        assert float(_on_the_tasks_shown(page)[model]) == pytest.approx(errors[model].value, rel=0.01)
    assert errors["other"] is None and _on_the_tasks_shown(page)["other"] == ""

    page.locator(".menu summary").click()
    page.locator("#columns [data-key='data/c'][type=checkbox]").click()
    page.get_by_label("Weight of data/b").fill("0.5")
    page.get_by_label("Weight of data/b").press("Tab")
    weights = {"data/a": 2 / 3, "data/b": 1 / 3}
    for model in ("good", "better", "other"):
        log = 0.0
        for task, weight in weights.items():
            target = evidence.one(task).predictions.target
            (score,) = [score for score in records.by_task[task] if score.model == model]
            log += weight * np.log(score.mean / np.abs(target - target.mean()).mean())
        assert float(_on_the_tasks_shown(page)[model]) == pytest.approx(np.exp(log), rel=0.01)
    shown = _on_the_tasks_shown(page)
    page.reload()
    assert _on_the_tasks_shown(page) == shown
    assert page.locator("[aria-label='Weight of data/b']").input_value() == "0.5"
    # What no weight is counts as 1.
    page = visit(BOARD + "#hide=modality&weights=data/a:-1+data/b:x+nosuch:2+data/c:Infinity+data/c")
    assert float(_on_the_tasks_shown(page)["good"]) == pytest.approx(errors["good"].value, rel=0.01)


def test_a_damaged_data_file_is_named_and_the_rest_is_there(visit, site: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(site, tmp_path / "site")
    (broken / "data" / "b" / "better.js").write_text("molbench.data = {};")
    page = visit(BOARD + "#compare=better+good", broken)
    page.get_by_text("better.js is damaged").wait_for()
    assert len(_names(page)) == len(ERRORS)


def test_clusters_count_in_the_page_as_in_the_package(visit) -> None:
    page, rng = visit(BOARD), np.random.default_rng(0)
    kinds = {
        "independent": [[] for _ in range(30)],
        "few": [[f"protein:{i % 4}"] for i in range(30)],
        "crossed": [[f"solute:{i % 5}", f"solvent:{i % 7}"] for i in range(30)],
        "two of one kind": [[f"drug:{i % 5}", f"drug:{i % 7 + 3}"] for i in range(30)],
    }
    for kind, listed in kinds.items():
        clusters = Clusters.of(listed)
        values = rng.gamma(1.0, size=30)
        values -= values.mean()
        expected = clusters.component(values)
        script = "([sums, task]) => molbench.statistics.ofClusters(sums, task)"
        sums = [own.tolist() for own in clusters.sums(values)]
        found = page.evaluate(script, [sums, described_clusters(clusters)])
        for name in ("variance", "freedom", "third"):
            assert found[name] == pytest.approx(float(getattr(expected, name)), rel=1e-9), (kind, name)
        script = "part => [molbench.statistics.halfWidth([part]), molbench.statistics.pValue(1.5, [part])]"
        width, p = page.evaluate(script, found)
        assert width == pytest.approx(float(half_width([expected])), rel=1e-6), kind
        assert p == pytest.approx(float(p_value(1.5, [expected])), rel=1e-4), kind


def test_the_whole_table_is_there_without_scripts(visit) -> None:
    page = visit(BOARD, java_script_enabled=False)
    assert len(_names(page)) == len(ERRORS)
    assert page.locator("#board thead th").count() == ABOUT + len(TASKS) + BEHIND
    assert not page.locator("#controls").is_visible()


def test_it_prints_whole_and_without_its_buttons(visit) -> None:
    page = visit(BOARD)
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible() and not page.locator(".sort").first.is_visible()
    box = page.locator(".scroll").first.evaluate("box => getComputedStyle(box).overflow")
    assert box == "visible" and page.locator("#board").is_visible()


def test_a_narrow_screen_is_not_scrolled_sideways(visit, real_site) -> None:
    narrow = {"viewport": {"width": 390, "height": 800}}
    pages = [visit(path, **narrow) for path in (BOARD, BOARD + "#compare=better+good", "index.html")]
    pages += [
        visit(path, real_site, **narrow) for path in ("models/good.html", "datasets/xtb-molecules.html")
    ]
    pages += [visit(f"tasks/{slug(REAL_TASKS[0])}.html", real_site, **narrow)]
    pages[0].locator(".menu summary").click()
    for page in pages:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, page.url
