"""Commands that change one submission at once: each adds what it has, and none takes anything away."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from molbench.evaluation import evaluate
from molbench.evaluation.result import Stored
from molbench.submission import add as adding
from molbench.submission.entries import Elsewhere, write_entries
from molbench.submission.folder import SubmissionFolder
from tests.commands import run_command
from tests.evaluation.conftest import save_checkpoint


@pytest.mark.slow
def test_what_is_added_at_once_is_all_there(
    toy_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = save_checkpoint(tmp_path / "model.pt", seed=100)
    tasks = ("size", "mass", "ring")
    for task in tasks:
        done = evaluate(
            [path], [f"toy/{task}"], seeds=1, output=tmp_path / task, executor="inline", scratch=False
        )
        assert not done.failures
    own = ("--name", "M", "--license", "CC-BY-4.0", "--author", "A", "--output", str(tmp_path / "s"))
    run_command("submit", "pack", tmp_path / "size" / "model", *own)
    folder = next((tmp_path / "s").glob("*/model"))

    def slow(
        place: Path, stored: Sequence[Stored], elsewhere: Elsewhere | None, *, measured: bool
    ) -> list[dict[str, Any]]:
        time.sleep(0.3)  # both have read the card by now, were they not to wait for each other
        return write_entries(place, stored, elsewhere, measured=measured)

    monkeypatch.setattr(adding, "write_entries", slow)
    with ThreadPoolExecutor(2) as pool:
        added = list(pool.map(lambda task: adding.add(tmp_path / task / "model", folder), tasks[1:]))
    assert added == [[(f"toy/{task}", "probe")] for task in tasks[1:]]
    card = SubmissionFolder.read(folder).card
    assert {entry.task for entry in card.predictions} == {f"toy/{task}" for task in tasks}
    assert not [left for left in folder.parent.iterdir() if left != folder]
