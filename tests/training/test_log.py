import json
from pathlib import Path

from molbench.training.log import TrainingLog


def test_lines_beyond_the_state_and_half_lines_are_dropped(tmp_path: Path) -> None:
    with TrainingLog(tmp_path, 0) as log:
        for step in (1, 2, 3, 4):
            log.write(step, loss=step / 2)
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text() + '{"step": 5, "lo')
    with TrainingLog(tmp_path, 2) as log:
        log.write(3, loss=float("inf"))
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": 1.0},
        {"step": 3, "loss": None},
    ]


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    with TrainingLog(None, 0) as log:
        log.write(1, loss=1.0)
    assert not list(tmp_path.iterdir())
