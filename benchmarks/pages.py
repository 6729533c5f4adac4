"""A board of many models: how long its pages take to make and to work with, and how large they are.

Records and predictions are drawn at random; what is measured is what follows them: the pages with their
comparisons and pictures, and then sorting, choosing and hiding in headless Chromium at a quarter of the
processor's speed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.record import Cell, Measured, Spread, options_of, report
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import CheckpointEntry, Result, Stored, TaskEntry
from molbench.evaluation.score import Value
from molbench.leaderboard.card import Card
from molbench.leaderboard.records import Records
from molbench.leaderboard.score import Difference, Number, Score
from molbench.leaderboard.table import Row, Table
from molbench.site.evidence import Evidence
from molbench.site.write import write_site
from molbench.spec.catalogue import Catalogue
from molbench.spec.tasks import Task

SEEDS, RECORDS, VARIANTS = 3, 200, 20
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def results(models: int, tasks: int) -> Iterator[Stored]:
    """Results of every model on every task; predictions are shared by models, and so cost no memory."""
    rng = np.random.default_rng(0)
    declared = Task(target="y", metrics=["mae", "rmse"], unit="eV", scheme="random", why="drawn at random")
    protocol = load_protocol("probe")
    value = Value(value=1.0, unit="eV", direction="lower", half_width=0.1)
    checkpoints = [_checkpoint(i) for i in range(models)]
    for number in range(tasks):
        target = rng.normal(size=RECORDS)
        ids = [f"r{i}" for i in range(RECORDS)]
        drawn = [Predictions(ids, target, target + rng.normal(size=RECORDS), "eV") for _ in range(VARIANTS)]
        name = f"synthetic-{number % 6}/task-{number}"
        entry = TaskEntry(
            id=name,
            dataset=name.partition("/")[0],
            version="1.0.0",
            digest=f"{number:064x}",
            scheme="random",
            split_digest="0" * 64,
            partial=False,
            embedded=True,
            declaration=declared,
            counts={},
        )
        first = Result(
            key="0" * 64,
            code="0/1",
            checkpoint=checkpoints[0],
            task=entry,
            protocol=protocol,
            seed=0,
            metrics={"mae": value, "rmse": value},
            n=RECORDS,
            warnings=[],
            overlap=None,
            seconds={"run": 1.0},
            throughput={"embedding": 1000.0},
            environment={"device": "cpu"},
        )
        for i, checkpoint in enumerate(checkpoints):
            for seed in range(SEEDS):
                result = first.model_copy(update={"checkpoint": checkpoint, "seed": seed})
                yield Stored(Path("nowhere"), result, drawn[(7 * i + seed) % VARIANTS])


def _checkpoint(number: int) -> CheckpointEntry:
    return CheckpointEntry(
        name=f"model-{number}",
        encoder_digest=f"{number:064x}",
        scratch=False,
        baseline="none",
        config={},
        backbone=("schnet", "painn", "egnn", "visnet")[number % 4],
        method=f"method-{number % 9}",
        method_config={},
        pretraining={"dataset": f"corpus-{number % 5}"},
    )


def table_of(stored: list[Stored]) -> Table:
    """Scores at random, so that pages are measured and not statistics."""
    rng = np.random.default_rng(1)
    models = list(dict.fromkeys(one.result.checkpoint.name for one in stored))
    tasks = list(dict.fromkeys(one.result.task.id for one in stored))
    checkpoints = {one.result.checkpoint.name: one.result.checkpoint for one in stored}
    difference = Difference(
        value=0.1,
        low=0.05,
        high=0.15,
        p=0.001,
        p_adjusted=0.01,
        verdict="better",
        detectable=0.1,
        detectable_later=0.1,
    )
    rows, scores = [], []
    for place, model in enumerate(models):
        entry = checkpoints[model]
        error = 0.2 + place / len(models)
        rows.append(
            Row(
                model=model,
                backbone=entry.backbone,
                method=entry.method,
                encoder_digest=entry.encoder_digest,
                pretrained_on=str(entry.pretraining["dataset"]),
                rank=place + 1,
                rank_high=place + 9,
                relative_error=Number(value=error, low=error * 0.9, high=error * 1.1),
                gain=difference,
                tasks=len(tasks),
                overlap=place % 3,
                warnings=[],
            )
        )
        scores += [_score(model, task, float(rng.gamma(3.0)), difference) for task in tasks]
    return Table(
        name="large",
        title="A large board",
        description="Drawn at random.",
        commands=[],
        evaluation="1",
        protocol=load_protocol("probe").model_dump(exclude_none=True),
        embedded=True,
        partial=False,
        detectable=None,
        detectable_later=None,
        tasks=tasks,
        missing=[],
        sources=[],
        rows=rows,
        scores=scores,
        task_weights=dict.fromkeys(tasks, 1 / len(tasks)),
        constants=dict.fromkeys(tasks, 1.0),
    )


def _score(model: str, task: str, mean: float, difference: Difference) -> Score:
    return Score(
        board="large",
        model=model,
        task=task,
        metric="mae",
        unit="eV",
        direction="lower",
        mean=mean,
        half_width=0.0123,
        spread=0.01,
        seeds=SEEDS,
        records=RECORDS,
        clusters=float(RECORDS),
        few=False,
        over_scratch=difference,
    )


def interactions(page: Path) -> dict[str, Spread]:
    """Milliseconds until the screen is drawn again, five times each."""
    from playwright.sync_api import sync_playwright

    timed = """(act) => new Promise(done => { const start = performance.now(); eval(act);
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start))); })"""
    acts = {
        "sort by a task": "document.querySelectorAll('.sort')[20].click()",
        "sort by model": "document.querySelectorAll('.sort')[1].click()",
        "find a name": "const f = document.querySelector('[name=q]'); f.value = f.value ? '' : '7';"
        "f.dispatchEvent(new Event('input', {bubbles: true}))",
        "choose a backbone": "const s = document.querySelector('[name=backbone]');"
        "s.selectedIndex = 1 - s.selectedIndex; s.dispatchEvent(new Event('input', {bubbles: true}))",
        "hide a column": "document.querySelectorAll('#columns input')[20].click()",
        "next page": "document.querySelectorAll('#pages button')[1].click()",
    }
    taken = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        view = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
        view.context.new_cdp_session(view).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        start = time.perf_counter()
        view.goto(page.as_uri())
        taken["load"] = Spread.of([1000 * (time.perf_counter() - start)])
        for name, act in acts.items():
            taken[name] = Spread.of([view.evaluate(timed, act) for _ in range(5)])
        browser.close()
    return taken


def main() -> None:
    """Make the pages, tell their size, and work with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--browser", action=argparse.BooleanOptionalAction, default=True)
    options = options_of(parser, toy={"models": 3, "tasks": 2, "browser": False})
    stored = list(results(options.models, options.tasks))
    cards = [
        Card(model=one.name, family=one.backbone, corpora=(one.pretraining["dataset"],))
        for one in {
            stored_one.result.checkpoint.name: stored_one.result.checkpoint for stored_one in stored
        }.values()
    ]
    records = Records(cards=cards, boards=[table_of(stored)])
    evidence, catalogue = Evidence.of(stored), Catalogue.load()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        start, busy = time.perf_counter(), time.process_time()
        write_site(records, evidence, catalogue, site)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
        page = site / "boards" / "large.html"
        made: dict[str, Cell] = {
            "s to make all": seconds,
            "s of a processor": busy,
            "files": len(sizes),
            "MB of all": sum(sizes.values()) / 1e6,
            "MB of the board's page": sizes[page] / 1e6,
            "GiB of memory": after / 2**20,
            "GiB of them the results": before / 2**20,
        }
        acts = interactions(page) if options.browser and shutil.which("chromium") else {}
    rows = [Measured(name, {"": value}) for name, value in made.items()]
    rows += [Measured(f"ms to {name}", {"": value}) for name, value in acts.items()]
    report(options, rows, models=options.models, tasks=options.tasks, seeds=SEEDS, test_records=RECORDS)


if __name__ == "__main__":
    main()
