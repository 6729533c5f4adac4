"""The fingerprint baseline: time of scoring boosted trees on tasks whose records have SMILES.

``--home`` names the folder of built datasets, ``$MOLBENCH_HOME``, where tasks are not of embedded ones.
"""

import argparse
from pathlib import Path

from benchmarks.child import add_repeats, in_turns
from benchmarks.record import options_of, report

SCORE = """
import json, sys
from pathlib import Path
import molbench
tasks, seeds, home = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3]
if home:
    Path("datasets").symlink_to(Path(home) / "datasets")
report = molbench.evaluate([], tasks, fingerprint=True, scratch=False, seeds=seeds, executor="inline")
print(json.dumps({"runs": seeds * len(report.rows), "sum of scores": sum(row.mean for row in report.rows)}))
"""


def main() -> None:
    """One row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", default="xtb-molecules/*", help="globs, with commas between")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--home", type=Path)
    add_repeats(parser)
    options = options_of(parser, toy={"tasks": "xtb-solvation/dmu", "seeds": 1, "repeats": 1})
    home = options.home.resolve() if options.home else ""
    report(options, in_turns(options.tasks, SCORE, [options.tasks, options.seeds, home], options, per="runs"))


if __name__ == "__main__":
    main()
