"""Boards of a thousand submissions of sixty tasks: seconds and megabytes, in a process of its own.

What ``molbench board build`` does: submissions are read and checked, ranked, and written as tables and pages;
the statistics are everything between reading and writing.
Scores are random; receipts, cards and files are as ``molbench submit`` writes them.

    python -m benchmarks.boards --submissions 1000 --tasks 60
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import yaml

from benchmarks.child import add_repeats, in_turns
from benchmarks.record import options_of, report
from molbench.evaluation import EVALUATION_VERSION
from molbench.metrics import METRICS
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.submission.folder import CARD, RECEIPT, described_file, digest_of
from molbench.submission.receipt import Receipt, TaskScore
from molbench.submission.replicates import COUNT, packed

MEASURE = """
import json, sys, time
from pathlib import Path
import molbench.leaderboard.publish as module
from molbench.site.submitted import evidence_of
from molbench.site.write import write_site
from molbench.spec.catalogue import Catalogue
taken = {}
def timed(name, function):
    def called(*arguments):
        start = time.process_time()
        result = function(*arguments)
        taken[name] = time.process_time() - start
        return result
    return called
module.read_entries = timed("reading, s of a processor", module.read_entries)
module.lay_out = timed("statistics, s of a processor", module.lay_out)
root, output = Path(sys.argv[1]), Path(sys.argv[2])
published = module.publish(root, output, [sys.argv[3]])
catalogue = Catalogue.load()
evidence = evidence_of(published.records, root, catalogue)
pages = timed("pages, s of a processor", write_site)
pages(published.records, evidence, catalogue, output / "site")
(table,) = published.records.boards
counts = {"rows": len(table.rows), "scores": len(table.scores), "aside": len(published.aside)}
print(json.dumps(taken | counts))
"""


def main() -> None:
    """Write submissions, and build a board of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=60)
    add_repeats(parser, 1)
    options = options_of(parser, toy={"submissions": 3, "tasks": 4})
    tasks = Catalogue.load().tasks(["qm9/*@*", "solvation/*@*"])[: options.tasks]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = [ref.id for ref in tasks]
        board = {"name": "many", "title": "Many", "description": "Random.", "tasks": ids}
        (folder / "many.yaml").write_text(yaml.safe_dump(board))
        for i in range(options.submissions):
            write_submission(folder / "submissions" / "made" / f"model-{i}", tasks, np.random.default_rng(i))
        places = [folder / part for part in ("submissions", "boards", "many.yaml")]
        what = f"{options.submissions} submissions × {len(tasks)} tasks"
        report(options, in_turns(what, MEASURE, places, options))


def write_submission(folder: Path, tasks: list[TaskRef], rng: np.random.Generator) -> None:
    """A folder as ``molbench submit`` writes one, with scores at random."""
    folder.mkdir(parents=True)
    task_scores = [_task_score(task, rng) for task in tasks]
    card = {
        "model": folder.name,
        "name": folder.name,
        "backbone": "painn",
        "scratch": folder.name == "model-0",
        "baseline": "model-0" if folder.name != "model-0" else None,
        "parameters": int(rng.integers(10**5, 10**7)),
        "licence": "CC0-1.0",
        "authors": ["A"],
        "commit": "a" * 40,
        "weights": {"encoder_digest": rng.bytes(32).hex()},
        "predictions": [
            {
                "task": task_score.task,
                "protocol": task_score.protocol,
                "unit": "eV",
                "seeds": task_score.seeds,
                "split": task_score.data[1],
                "value": task_score.mean,
                **_predictions(folder, i),
            }
            for i, task_score in enumerate(task_scores)
        ],
    }
    text = yaml.dump({k: v for k, v in card.items() if v is not None}, Dumper=yaml.CSafeDumper)
    (folder / CARD).write_text(text)
    versions = {"molbench": "0.1.0", "evaluation": str(EVALUATION_VERSION)}
    receipt = Receipt(
        submission=f"made/{folder.name}",
        card=digest_of(folder / CARD),
        tier="re-scored",
        versions=versions,
        task_scores=task_scores,
    )
    receipt.sealed("2026-01-01").write(folder / RECEIPT)


def _predictions(folder: Path, number: int) -> dict[str, str | int]:
    """A file as large as predictions of a few hundred records are."""
    path = folder / "predictions" / f"{number}.parquet"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes([number]) * 3500)
    return described_file(path, folder)


def _task_score(task: TaskRef, rng: np.random.Generator) -> TaskScore:
    metric = METRICS[task.task.metrics[0]]
    error = float(rng.lognormal(-1, 0.3))
    return TaskScore(
        task=task.id,
        version=f"{task.task.version}.0",
        protocol="probe",
        protocol_version=1,
        metric=metric.name,
        metric_version=metric.version,
        unit=task.task.unit,
        direction=metric.direction,
        seeds=[0, 1, 2],
        values=(error * (1 + 0.02 * rng.normal(size=3))).round(6).tolist(),
        constant=1.0,
        replicates=packed(0.03 * error * rng.normal(size=COUNT)),
        half_width=0.06 * error,
        records=1000,
        clusters=1000.0,
        few=False,
        content=rng.bytes(32).hex(),
        data=("0" * 64, "1" * 64),
    )


if __name__ == "__main__":
    main()
