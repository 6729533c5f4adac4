"""Pages can be read by eye, by keyboard and by a screen reader, in daylight and at night."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow
PAGES = ["index.html", "boards/b.html#compare=better+good"]
REAL_PAGES = [
    "tasks/xtb-molecules--homo.html",
    "models/good.html",
    "datasets/xtb-molecules.html",
    "datasets.html",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, real_site, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"color_scheme": scheme, "bypass_csp": True}
    pages = [visit(path, **options) for path in PAGES]
    pages += [visit(path, real_site, **options) for path in REAL_PAGES]
    for page in pages:
        found = axe.Axe().run(page).response["violations"]
        assert not [(page.url, one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]


def test_a_keyboard_sorts_and_compares(visit) -> None:
    page = visit("boards/b.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator(".sort").nth(1).focus()
    page.keyboard.press("Enter")
    assert page.locator("[aria-sort=ascending]").count() == 1
    page.locator("#board tbody input").first.focus()
    page.keyboard.press("Space")
    assert "choose one more" in page.get_by_role("status").inner_text()
