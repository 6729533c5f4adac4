"""The fingerprint baseline beside the same trees as one would write them with RDKit and scikit-learn.

Both score every task with every seed; the plain ones see all 2,048 Morgan counts and the same descriptors,
made anew for each seed, and look at all columns for a split. ``--home`` names the folder of built datasets,
``$MOLBENCH_HOME``, where tasks are not of embedded ones.
"""

import argparse
from pathlib import Path

from benchmarks.child import add_repeats, run
from benchmarks.record import Cell, Measured, Spread, options_of, report

PLACE = """
import json, sys
from pathlib import Path
tasks, seeds, home = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
if home:
    Path("datasets").symlink_to(Path(home) / "datasets")
"""
SCORE = (
    PLACE
    + """
import molbench
report = molbench.evaluate([], tasks, fingerprint=True, scratch=False, seeds=seeds, executor="inline")
print(json.dumps({"runs": seeds * len(report.rows), "sum of scores": sum(row.mean for row in report.rows)}))
"""
)
PLAIN = (
    PLACE
    + """
import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from molbench.chem.fingerprint import DESCRIPTORS
from molbench.data.read.store import Store
from molbench.evaluation.data import TaskData
from molbench.evaluation.fingerprint import unfit
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.units import factor
usual = Boosting()
generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
def described(data, split):
    columns = [data.store.column(name).to_pylist() for name in data.store.record.smiles]
    rows = []
    for row in data.rows[split]:
        molecules = [Chem.MolFromSmiles(column[row]) for column in columns]
        counts = [generator.GetCountFingerprintAsNumPy(molecule) for molecule in molecules]
        numbers = [function(molecule) for molecule in molecules for function in DESCRIPTORS.values()]
        rows.append(np.concatenate([*counts, numbers]))
    return np.array(rows, dtype=np.float32), data.labels[data.rows[split]]
scores = []
for task in Catalogue.load().tasks(tasks):
    if unfit(task) or task.task.kind != "regression":
        continue
    data = TaskData.open(task, Store.open(task.folder or task.entry.folder, task.subset))
    for seed in range(seeds):
        splits = [described(data, split) for split in ("train", "validation", "test")]
        (x, y), (x_val, y_val), (x_test, y_test) = splits
        model = HistGradientBoostingRegressor(
            learning_rate=usual.learning_rate, max_iter=usual.trees, max_leaf_nodes=usual.max_leaves,
            min_samples_leaf=usual.min_leaf, early_stopping=True, n_iter_no_change=usual.patience,
            random_state=seed)
        model.fit(x, y, X_val=x_val, y_val=y_val)
        error = mean_absolute_error(y_test, model.predict(x_test))
        scores.append(error * factor(data.unit, task.task.unit))
print(json.dumps({"runs": len(scores), "sum of scores": sum(scores) / seeds}))
"""
)


def main() -> None:
    """A row a side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="xtb-molecules/*", help="globs, with commas between")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--home", type=Path)
    add_repeats(parser)
    options = options_of(parser, toy={"tasks": "xtb-solvation/dmu", "seeds": 1, "repeats": 1})
    arguments = [options.tasks, options.seeds, options.home.resolve() if options.home else ""]
    sides = {"RDKit and scikit-learn": PLAIN, "molbench": SCORE}
    turns = [{name: run(code, arguments) for name, code in sides.items()} for _ in range(options.repeats)]
    rows = []
    for name in sides:
        own = [turn[name] for turn in turns]
        cells: dict[str, Cell] = {key: Spread.of([one[key] for one in own]) for key in own[0]}
        if name == "molbench":
            for key in ("s", "s of processors"):
                cells[f"×, {key}"] = Spread.ratio(
                    [turn["RDKit and scikit-learn"][key] for turn in turns], [one[key] for one in own]
                )
        rows.append(Measured(name, cells, "RDKit and scikit-learn" if name == "molbench" else None))
    report(options, rows, tasks=options.tasks)


if __name__ == "__main__":
    main()
