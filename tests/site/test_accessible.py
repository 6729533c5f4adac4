"""Pages can be read by eye, by keyboard and by a screen reader, in daylight and at night."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow
PAGES = ["index.html", "boards/b.html#compare=better+good"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES, ids=["index", "board"])
def test_axe_finds_nothing(visit, path: str, scheme: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(path, color_scheme=scheme, bypass_csp=True)
    found = axe.Axe().run(page).response["violations"]
    assert not [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]


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
