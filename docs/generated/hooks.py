"""What MkDocs asks while it builds the site: pages made of code and catalogue, links."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))  # the package as it is here, installed or not

from catalogue_pages import catalogue_pages  # noqa: E402
from cli_page import cli_page  # noqa: E402
from method_page import method_page  # noqa: E402
from rooms_figure import with_figure  # noqa: E402

MISSING: list[Any] = []
#: A name as docstrings refer to it.
ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):<code>(?P<short>~?)(?P<name>[\w.]+)</code>")
#: Pages of the site that are files at the root of the repository.
OF_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
#: Sections whose pages are found, not listed: how-tos in this order first, the others after them.
FOUND = {"How to": "howto", "Decisions": "decisions"}
FIRST = ["module", "own-data", "embeddings", "predictions", "environment", "smiles", "calculator"]
THEN = ["pretrain", "cluster", "submit"]


def on_config(config: Any) -> Any:
    """Fill the sections whose pages are found."""
    for title, folder in FOUND.items():
        pages = sorted((DOCS / folder).glob("*.md"), key=_place)
        _section(config.nav, title).extend(f"{folder}/{page.name}" for page in pages)
    _section(config.nav, "Datasets").extend(
        name for name in dict(_catalogue()) if not name.endswith("index.md")
    )
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for name, text in _pages():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository become links to their pages, and the picture of the rooms is drawn."""
    up = "../" * page.file.src_uri.count("/")
    for file, name in OF_ROOT.items():
        markdown = markdown.replace(f"]({up}../{file}", f"]({up}{name}")
    return with_figure(markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Names that docstrings refer to become code, with a link where the page tells of them."""
    anchors = set(re.findall(r'<h\d id="(molbench[\w.]*)"', html))

    def shown(role: re.Match[str]) -> str:
        name = role["name"]
        code = f"<code>{name.rpartition('.')[2] if role['short'] else name}</code>"
        anchor = next((one for one in sorted(anchors, key=len) if f".{one}".endswith(f".{name}")), None)
        return f'<a href="#{anchor}">{code}</a>' if anchor else code

    return ROLE.sub(shown, html)


def _pages() -> Iterator[tuple[str, str]]:
    for file, name in OF_ROOT.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        yield name, text.replace("](docs/", "](")
    yield "methods.md", method_page()
    yield "reference/cli.md", cli_page()
    yield from _catalogue()


def _catalogue() -> list[tuple[str, str]]:
    return list(catalogue_pages())


def _place(page: Path) -> tuple[int, str]:
    order = [*FIRST, *THEN]
    return order.index(page.stem) if page.stem in order else len(order), page.stem


def _section(nav: list[Any], title: str) -> list[Any]:
    """The list of pages of a section, wherever in the navigation it stands."""
    for entry in nav:
        if isinstance(entry, dict):
            for name, pages in entry.items():
                if name == title:
                    return pages
                if isinstance(pages, list) and (inner := _section(pages, title)) is not MISSING:
                    return inner
    return MISSING
