"""All pages together: links lead somewhere, numbers agree, bytes are the same again, and words are words."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from molbench.evaluation.predictions import Predictions
from molbench.leaderboard.records import Records
from molbench.numbers import plain
from molbench.site.evidence import Evidence
from molbench.site.model_page import _in_unit
from molbench.site.overview import cell
from molbench.site.templating import address, slug
from molbench.site.write import write_site
from molbench.spec.catalogue import Catalogue
from tests.site.conftest import HOSTILE, REAL_TASKS


class _Page(HTMLParser):
    """Addresses, words, tags and attributes of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._silent = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.links += [value or "" for name, value in attributes if name in {"href", "src", "data-labels"}]
        self._silent += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data.strip())


def _pages(folder: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in sorted(folder.rglob("*.html"))}


def test_links_lead_somewhere_and_nowhere_else(site: Path, real_site: Path) -> None:
    for folder in (site, real_site):
        pages = _pages(folder)
        assert len(pages) >= 8
        for path, page in pages.items():
            for link in page.links:
                if not link.startswith(("#", "data:", "https://")):
                    target = (path.parent / link).resolve()
                    assert target.is_file() and target.is_relative_to(folder), f"{path}: {link}"


def test_every_page_tells_the_number_of_the_record(site: Path, made: tuple[Records, Evidence]) -> None:
    pages = _pages(site)
    for score in made[0].scores:
        text = cell(score)
        for place in (f"boards/{score.board}", f"tasks/{slug(score.task)}", f"models/{slug(score.model)}"):
            assert text in pages[site / f"{place}.html"].words, (score.model, score.task, place)
    assert Records.read(site) == made[0]


def test_the_same_results_give_the_same_bytes(
    real: tuple[Records, Evidence], real_site: Path, tmp_path: Path
) -> None:
    write_site(real[0], Evidence(real[1].runs), Catalogue.load(), tmp_path / "again")
    files = [
        sorted(path.relative_to(root) for path in root.rglob("*.*"))
        for root in (real_site, tmp_path / "again")
    ]
    assert files[0] == files[1]
    for name in files[0]:
        assert (real_site / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_no_word_of_a_stranger_is_markup(site: Path, real_site: Path) -> None:
    ours = {"onerror", "onload", "onclick"}
    for folder in (site, real_site):
        for path, page in _pages(folder).items():
            assert not page.attributes & ours, path
            assert not [link for link in page.links if link.startswith("javascript")], path
            assert "\u202e" not in path.read_text(encoding="utf-8")
    told = " ".join(_pages(real_site)[real_site / "models" / "good.html"].words)
    assert told.count("<script>alert(2)</script>") >= 8
    assert "{{7*7}}" in told and "javascript:alert(4)" in told


def test_feeds_have_every_model_of_every_board(site: Path, made: tuple[Records, Evidence]) -> None:
    rows = [row for table in made[0].boards for row in table.rows]
    items = json.loads((site / "feed.json").read_text(encoding="utf-8"))["items"]
    atom = ElementTree.fromstring((site / "feed.xml").read_text(encoding="utf-8"))
    entries = atom.findall("{*}entry")
    assert len(items) == len(entries) == len(rows) == len({item["id"] for item in items})
    for item, entry in zip(items, entries, strict=True):
        assert item["title"] == entry.findtext("{*}title") and (site / item["url"]).is_file()


def test_a_task_tells_its_labels_split_and_trivial_baseline(real_site: Path) -> None:
    page = _pages(real_site)[real_site / "tasks" / "xtb-molecules--homo.html"]
    words = " ".join(page.words)
    for told in (
        "Predicting the mean",
        "1,694 records",
        "How near test is to train",
        "semi-empirical",
        "disjoint",
    ):
        assert told in words
    assert "Published numbers" in words and "svg" in page.tags


def test_a_board_has_what_papers_print_beside_its_own_scores(
    real: tuple[Records, Evidence], real_site: Path
) -> None:
    (table,) = [table for table in real[0].boards if table.published]
    page = _pages(real_site)[real_site / "boards" / f"{table.name}.html"]
    assert "Published numbers" in page.words
    assert all(plain(score.value) in " ".join(page.words) for score in table.published)


def test_a_page_has_one_unit_of_a_task() -> None:
    stored = Predictions(["a", "b"], np.array([0.25, -1.0]), np.array([0.5, 0.0]), "Hartree")
    shown = _in_unit(stored, "meV")
    assert shown.unit == "meV" and shown.target == pytest.approx([6802.85, -27211.39], rel=1e-5)
    assert shown.prediction == pytest.approx([13605.69, 0.0], rel=1e-5)
    # A correlation has no unit, and what is no unit is shown as it was written.
    assert _in_unit(stored, "1") is stored
    assert _in_unit(replace(stored, unit="energy"), "meV").unit == "energy"


def test_names_of_files_are_plain_and_different() -> None:
    names = [
        "painn",
        "Painn",
        "PAINN",
        "a/b",
        "a--b",
        "a b",
        "",
        "..",
        "ä",
        HOSTILE,
        "x" * 300,
        *REAL_TASKS,
        "con\x00",
    ]
    files = [slug(name) for name in names]
    assert len({file.lower() for file in files}) == len(names)
    assert all(file and set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-@") for file in files)
    assert files[0] == "painn" and files[-3] == "xtb-molecules--homo"


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "data:text/html,x", " https://a.b", 'https://a.b/"x', "", None, "//a.b"]
)
def test_only_addresses_of_the_web_are_links(text: str | None) -> None:
    assert address(text) is None
    assert address("https://example.org/a?b=c") == "https://example.org/a?b=c"
