"""Every result says what it cost and which code made it, and its key depends on neither."""

import json
import mmap
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import molbench
from molbench.evaluation.cost import COST_VERSION, metered
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import RESULT_FILE, Stored
from molbench.training.source import commit, package_digest
from tests.rooms import ROOT

TINY = ["training.steps=6", "evaluations=2", "training.batch_size=8"]


@pytest.fixture
def results(toy_home: Path, checkpoint: Path, tmp_path: Path) -> list[Stored]:
    report = molbench.evaluate(
        [checkpoint], ["toy/size"], protocol=load_protocol("finetune", TINY), seeds=1, scratch=False,
        executor="inline", output=tmp_path / "results",
    )  # fmt: skip
    assert not report.failures
    return report.results


def test_a_result_says_what_it_cost(results: list[Stored]) -> None:
    (stored,) = results
    cost, entry = stored.result.cost, stored.result.checkpoint
    assert cost.version == COST_VERSION
    assert 0 < cost.seconds < 300 and cost.processor_seconds > 0
    assert cost.training > 0 and cost.inference > 0
    assert 50 < cost.peak_memory < 100_000
    backbone = molbench.Checkpoint.load(Path(stored.folder.parents[4]) / ".." / "model.pt").build()
    assert cost.parameters == entry.parameters == sum(weight.numel() for weight in backbone.parameters())
    assert cost.device in {stored.result.environment["processor"], stored.result.environment["device"]}


def test_a_result_says_which_code_made_it(results: list[Stored]) -> None:
    machine = results[0].result.environment
    assert machine["package"] == package_digest() and len(machine["package"]) == 64
    assert machine["processor"] and machine["threads"] >= 1
    assert not any("/" in str(machine[name]) for name in ("package", "processor"))


def test_the_curve_of_training_is_kept_beside_it(results: list[Stored]) -> None:
    lines = [json.loads(line) for line in (results[0].folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert len([line for line in lines if "validation" in line]) == 2


def test_results_of_before_are_still_read(results: list[Stored]) -> None:
    path = results[0].folder / RESULT_FILE
    content = json.loads(path.read_text())
    del content["cost"], content["checkpoint"]["parameters"]
    path.write_text(json.dumps(content))
    again = Stored.read(results[0].folder).result
    assert again.cost is None and again.key == results[0].result.key


def test_the_key_depends_on_none_of_it(
    results: list[Stored], checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = {"device": "other", "processor": "x"}
    monkeypatch.setattr("molbench.evaluation.execute.describe_machine", lambda: machine)
    report = molbench.evaluate(
        [checkpoint], ["toy/size"], protocol=load_protocol("finetune", TINY), seeds=1, scratch=False,
        executor="inline", output=tmp_path / "again",
    )  # fmt: skip
    (one,), (other,) = results, report.results
    assert other.result.environment["device"] == "other" and other.result.key == one.result.key
    assert other.result.metrics == one.result.metrics


def test_peak_memory_is_that_of_the_run() -> None:
    with metered() as before:
        pass
    # Not from the allocator, which may have kept as much of what an earlier test gave back.
    with metered() as meter, mmap.mmap(-1, 40 << 20) as block:
        block.write(b"1" * (40 << 20))
    with metered() as after:
        pass
    assert meter.peak_memory > before.peak_memory + 30
    if Path("/proc/self/clear_refs").exists():
        assert after.peak_memory < meter.peak_memory - 30


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no clone")
def test_the_commit_is_the_one_git_names() -> None:
    ended = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert commit(ROOT) == ended.stdout.strip()


def test_commits_are_read_from_every_kind_of_clone(tmp_path: Path) -> None:
    assert commit(tmp_path / "none") is None
    one, two = "a" * 40, "b" * 40
    git = tmp_path / "clone" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text(f"# pack-refs\n{one} refs/heads/main\n")
    assert _fresh(tmp_path / "clone") == one
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text(f"{two}\n")
    assert _fresh(tmp_path / "clone") == two
    (git / "HEAD").write_text(one)
    assert _fresh(tmp_path / "clone") == one
    (git / "HEAD").write_text("ref: refs/heads/$(evil)\n")
    assert _fresh(tmp_path / "clone") is None


def _fresh(root: Path) -> str | None:
    uncached: Callable[[Path], str | None] = commit.__wrapped__
    return uncached(root)


def test_a_logger_is_shown_every_new_run(
    toy_home: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    hosted = "molbench.training.trackers.hosted._Hosted"
    monkeypatch.setattr("molbench.training.trackers.base.find_spec", lambda _package: True)
    monkeypatch.setattr(f"{hosted}.start", lambda _, run, __: told.append((run, 0)))
    monkeypatch.setattr(f"{hosted}.log", lambda _, step, values: told.append((min(values), step)))
    monkeypatch.setattr(f"{hosted}.end", lambda _: None)
    for _ in range(2):  # the second time there is nothing new
        molbench.evaluate(
            [checkpoint], ["toy/size"], seeds=1, scratch=False, executor="inline", logger="wandb",
            output=tmp_path / "results",
        )  # fmt: skip
    assert told == [("model/toy/size/probe/0", 0), ("mae", 0)]
