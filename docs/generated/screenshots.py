"""The pictures of the README: a board by day and a model by night, of what `molbench board build` wrote."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SIZE = {"width": 1240, "height": 760}
#: Chooses the first two rows of a board for comparison.
COMPARE = "for (const i of [0, 1]) document.querySelectorAll('#board tbody input')[i].click()"
SHOW_PREDICTIONS = "document.querySelector('.look').previousElementSibling.scrollIntoView()"


def shoot(browser: Browser, page: Path, scheme: str, script: str, out: Path) -> None:
    """One picture, in 128 colours so that it is small."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    view = context.new_page()
    view.goto(page.as_uri())
    view.evaluate(script)
    view.wait_for_timeout(1000)
    with tempfile.NamedTemporaryFile(suffix=".png") as full:
        view.screenshot(path=full.name)
        Image.open(full.name).convert("RGB").quantize(128).save(out, optimize=True)
    context.close()


def main() -> None:
    """Take both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="Folder of pages, leaderboards/site.")
    parser.add_argument("out", type=Path, help="Folder of the pictures, docs/images.")
    parser.add_argument("--board", default="molecules-probe")
    parser.add_argument("--model", default="coord")
    options = parser.parse_args()
    site = options.site.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        board = site / "boards" / f"{options.board}.html"
        shoot(browser, board, "light", COMPARE, options.out / "board.png")
        model = site / "models" / f"{options.model}.html"
        shoot(browser, model, "dark", SHOW_PREDICTIONS, options.out / "model.png")
        browser.close()


if __name__ == "__main__":
    main()
