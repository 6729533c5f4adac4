"""Every benchmark runs, at sizes that tell nothing, and the page about them is made of what they record."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import originals
from benchmarks.child import ContestantError
from benchmarks.record import Measured, Record, Spread, shown
from docs.generated.benchmark_page import BLOCK, MEASURED, PAGES, with_tables
from tests.rooms import ROOT

SCRIPTS = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if "__main__" in path.read_text()]
RECORDS = sorted(MEASURED.glob("*.json"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_runs_and_records_what_it_measures(script: Path, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{script.stem}", "--toy", "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = Record.read(file)
    assert record.benchmark == script.stem
    assert record.markdown() in done.stdout
    cells = [cell for row in record.rows for cell in row.cells.values()]
    assert any(isinstance(cell, int | float | Spread) for cell in cells)
    assert all(cell.min <= cell.median <= cell.max for cell in cells if isinstance(cell, Spread))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_are_those_of_the_records(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run python -m docs.generated.benchmark_page"
    assert "\n|" not in BLOCK.sub("", text), "a table that nothing measured"


def test_every_record_is_shown_and_can_be_made_again() -> None:
    shown_somewhere = {block["name"] for page in PAGES for block in BLOCK.finditer(page.read_text("utf-8"))}
    assert {path.stem for path in RECORDS} == shown_somewhere
    for path in RECORDS:
        record = Record.read(path)
        assert record.benchmark in {script.stem for script in SCRIPTS}
        assert "--toy" not in record.command


def test_a_spread_is_of_all_repeats() -> None:
    spread = Spread.of([3.0, 1.0, 2.0, 10.0], scale=1000)
    assert (spread.min, spread.median, spread.max, spread.repeats) == (1000, 2500, 10_000, 4)
    assert shown(spread) == "2,500 [1,000–10,000]"
    assert shown(Spread.of([0.5])) == "0.5"
    assert Spread.ratio([2.0, 9.0], [1.0, 3.0]) == Spread(2.0, 2.5, 3.0, 2)


def test_a_row_that_cannot_be_measured_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, fails = tmp_path / "record.json", {"MD17, EGNN"}

    def compare(row: str, _: object) -> Measured:
        if row in fails:
            raise ContestantError
        return Measured(row, {"batch": 1})

    monkeypatch.setattr(originals, "compare", compare)
    monkeypatch.setattr(sys, "argv", ["originals.py", "--rows", "MD17", "--go-on", "--json", str(file)])
    with pytest.raises(SystemExit, match=r"not measured.*MD17, EGNN"):
        originals.main()
    assert [row.name for row in Record.read(file).rows] == ["MD17, PaiNN", "MD17, ET"]
    fails.clear()
    originals.main()
    assert {row.name for row in Record.read(file).rows} == {"MD17, PaiNN", "MD17, ET", "MD17, EGNN"}
