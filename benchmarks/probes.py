"""Probes of many records: time and memory of fitting linear models on vectors of a frozen encoder.

Vectors are made up, with directions of all sizes, and half of the variance of the labels is noise.
"""

import argparse

from benchmarks.child import add_repeats, in_turns
from benchmarks.record import options_of, report

PROBE = """
import json, sys
from types import SimpleNamespace
import numpy as np
from molbench.evaluation.data import TaskData
from molbench.evaluation.probe import probe
from molbench.evaluation.protocols import load_protocol
from molbench.spec.tasks import Task
kind, records, width = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(0)
sizes = np.exp(-np.arange(width) / 20).astype(np.float32)
features = rng.standard_normal((records, width), dtype=np.float32) * sizes
signal = features @ rng.standard_normal(width, dtype=np.float32)
labels = (signal / signal.std() + rng.standard_normal(records)).astype(np.float64)
if kind == "classification":
    labels = (labels > 0).astype(np.float64)
metrics = {"regression": ["mae"], "classification": ["auroc"]}[kind]
task = Task(kind=kind, target="y", metrics=metrics, unit="1", scheme="random", why="Made up.")
cuts = np.split(rng.permutation(records), [int(0.8 * records), int(0.9 * records)])
rows = dict(zip(("train", "validation", "test"), map(np.sort, cuts)))
data = TaskData(SimpleNamespace(id="made-up/y", task=task), None, rows, labels, np.zeros(records), 0.0, 1.0)
predictions = probe(features, data, load_protocol("probe"), 0)
print(json.dumps({"sum of predictions": float(predictions.sum())}))
"""


def main() -> None:
    """A row a kind of task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=110_000)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--kinds", nargs="+", default=["regression", "classification"])
    add_repeats(parser)
    options = options_of(parser, toy={"records": 300, "width": 4, "kinds": ["regression"], "repeats": 1})
    rows = []
    for kind in options.kinds:
        rows += in_turns(kind, PROBE, [kind, options.records, options.width], options)
    report(options, rows, records=options.records, width=options.width)


if __name__ == "__main__":
    main()
