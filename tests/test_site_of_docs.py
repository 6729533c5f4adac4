"""The documentation builds without a network or a warning, leads nowhere wrong, and tells of everything."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer

from molbench.cli.main import app
from molbench.methods import METHODS
from molbench.spec.catalogue import Catalogue
from tests.rooms import ROOT

pytestmark = pytest.mark.slow
#: Attributes by which a page asks for another file.
ASKS = {"href", "src", "srcset", "poster", "data"}
#: What is typed before the search listens is lost, so the key is lifted again until there are results.
ASK_AGAIN = """() => {
  document.querySelector(".md-search__input").dispatchEvent(new Event("keyup"))
  return document.querySelectorAll(".md-search-result__link").length > 0
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages; whoever asks for the network is refused by a port that nobody listens on."""
    folder = tmp_path_factory.mktemp("docs")
    nobody = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | nobody | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


class Page(HTMLParser):
    """What a page has addresses for, and what it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors, self.links, self.parts = set[str](), list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := values.get(key))}
        for key in ASKS & values.keys():
            (self.links if tag == "a" else self.parts).append(values[key] or "")


@cache
def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_links_lead_somewhere(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert len(pages) > 50
    broken = []
    for page in pages:
        for link in read(page).links + read(page).parts:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            there = target.is_file() and target.is_relative_to(site.resolve())
            if there and parts.fragment and target.suffix == ".html":
                there = unquote(parts.fragment) in read(target).anchors
            if not there:
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken, "\n".join(broken)


def test_a_page_asks_nothing_of_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        asked = [
            part for part in read(page).parts if urlsplit(part).netloc or urlsplit(part).scheme == "http"
        ]
        assert not asked, f"{page.name}: {asked}"


def test_nothing_of_how_it_is_written_is_shown(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r":(class|func|meth|mod|data|attr):<code>|&amp;#\d+;", text), page.name


def test_datasets_of_whoever_builds_the_pages_are_not_on_them(tmp_path: Path) -> None:
    mine = tmp_path / "datasets" / "mine"
    shutil.copytree(ROOT / "datasets" / "xtb-dimers", mine, ignore=shutil.ignore_patterns("cells"))
    listed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import catalogue_pages as c; print([name for name, _ in c.catalogue_pages()])",
        ],
        cwd=ROOT / "docs" / "generated",
        env=os.environ | {"MOLBENCH_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "catalogue/xtb-dimers.md" in listed.stdout and "mine" not in listed.stdout


def test_every_method_has_idea_equation_settings_and_paper(site: Path) -> None:
    text = (site / "methods.html").read_text(encoding="utf-8")
    sections = dict(re.findall(r'<h2 id="method-([^"]+)">(.*?)(?=<h2 id=|</article>)', text, re.DOTALL))
    assert list(sections) == list(METHODS)
    for name, section in sections.items():
        assert "<math" in section, name
        assert re.search(r"arxiv\.org/abs/\d|Nature", section) and "yaml-" not in section, name
        for word in ("Pretrains", "intended", "faithful", "epochs"):
            assert word in section, f"{name}: {word}"
    assert "≠" in sections["frad"]
    assert "≠" not in sections["attr-mask"]


def test_every_dataset_and_task_has_its_place(site: Path) -> None:
    index = read(site / "catalogue" / "index.html")
    for entry in Catalogue.load().entries.values():
        if entry.folder.parent == ROOT / "datasets":
            assert f"{entry.id}.html" in index.links
            text = (site / "catalogue" / f"{entry.id}.html").read_text(encoding="utf-8")
            assert all(f"{entry.id}/{name}<" in text for name in entry.tasks.tasks)
            assert all(f">{name}<" in text for name in entry.splits.schemes)


def test_every_command_and_option_is_listed(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")

    def check(command: object, name: str) -> None:
        for word, one in getattr(command, "commands", {}).items():
            section = re.search(
                rf"<h[23] id=[^>]*>{name} {word}<(.*?)(?=<h[23] |</article>)", text, re.DOTALL
            )
            assert section, f"{name} {word}"
            for option in (p for p in one.params if p.param_type_name == "option" and not p.hidden):
                assert max(option.opts, key=len) in section[1], f"{name} {word} {option.opts}"
            check(one, f"{name} {word}")

    check(typer.main.get_command(app), "molbench")


@pytest.mark.parametrize("name", ["start", "howto/own-data", "contributing"])
def test_code_is_seen_whole_on_a_narrow_screen(site: Path, browser: Any, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((site / f"{name}.html").as_uri())
    widths = page.evaluate(
        "[...document.querySelectorAll('article pre > code')].map(e => [e.scrollWidth, e.clientWidth])"
    )
    assert widths and all(needed <= there for needed, there in widths)
    page.close()


def test_a_page_from_a_disk_can_be_searched(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((site / "methods.html").as_uri())
    page.fill("input.md-search__input", "geossl-ddm")
    page.wait_for_function(ASK_AGAIN, polling=500, timeout=120_000)
    page.close()
