"""Another package adds a kind of task and a metric, one file each; its tasks are scored like any other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.evaluation.predictions import Predictions

pytestmark = pytest.mark.slow  # they start processes

KIND = '''
"""Counts, whose logarithm is learnt by the likelihood of Poisson's distribution."""

import numpy as np
from molbench.evaluation.kinds.base import Normalisation, TaskKind


class Counts(TaskKind):
    name = "counts"
    families = ("counts", "regression")

    def normalisation(self, task, store, labels, train):
        return Normalisation(np.zeros(len(labels)))

    def loss(self, name):
        from torch.nn import functional

        return functional.poisson_nll_loss

    def activation(self, outputs, logit_threshold):
        return outputs.exp()

    def linear(self, labels, protocol, seed):
        from sklearn.linear_model import PoissonRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-3, max_iter=1000))
'''
METRIC = '''
"""Half the deviance of Poisson's distribution."""

import numpy as np
from molbench.metrics.metric import metric


@metric("deviance", family="counts", direction="lower", scaled=False)
def deviance(target, prediction):
    return prediction - target + target * np.log(target / prediction)
'''
ENTRY_POINTS = """
[molbench.task_kinds]
counts = poisson.counts:Counts
[molbench.metrics]
deviance = poisson.deviance:deviance
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on the path of Python with an installed package ``poisson``."""
    root = tmp_path / "site"
    for name, text in {
        "poisson/__init__.py": "",
        "poisson/counts.py": KIND,
        "poisson/deviance.py": METRIC,
        "poisson-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: poisson\nVersion: 1.0\n",
        "poisson-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def tasks(toy_home: Path) -> Path:
    """``tasks.yaml`` of the toy dataset, which counts the atoms of a molecule, too."""
    path = toy_home / "datasets/toy/tasks.yaml"
    content = yaml.safe_load(path.read_text())
    content["tasks"] = {
        "atoms": {"kind": "counts", "target": "size", "metrics": ["deviance", "mae"], "unit": "eV"}
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def molbench(*arguments: str, site: Path | None) -> subprocess.CompletedProcess[str]:
    paths = [str(Path(__file__).parents[2]), *([str(site)] if site else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}
    command = [sys.executable, "-m", "molbench.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=240)


@pytest.mark.parametrize("protocol", [["probe"], ["finetune", "--set", "steps=40"]])
def test_a_kind_and_a_metric_of_another_package_are_scored_end_to_end(
    tasks: Path, installed: Path, checkpoint: Path, tmp_path: Path, protocol: list[str]
) -> None:
    output = tmp_path / "r"
    run = molbench(
        *("evaluate", str(checkpoint), "-t", "toy/atoms", "--seeds", "1", "-o", str(output), "--json"),
        *("--no-scratch", "--protocol", *protocol),
        site=installed,
    )
    assert run.returncode == 0, run.stderr
    (path,) = output.rglob("result.json")
    actual = json.loads(path.read_text())["metrics"]
    predictions = Predictions.read(path.with_name("predictions.parquet"))
    y, p = predictions.target, predictions.prediction
    assert (p > 0).all() and set(y) <= set(range(2, 8))
    assert actual["deviance"]["value"] == pytest.approx((p - y + y * np.log(y / p)).mean())
    assert actual["mae"]["value"] == pytest.approx(np.abs(p - y).mean())
    if protocol == ["probe"]:  # the number of atoms follows from any vector that sums over them
        assert actual["mae"]["value"] < 0.5 * np.abs(y - y.mean()).mean()
    assert pq.read_schema(path.with_name("predictions.parquet")).names[:3] == ["id", "target", "prediction"]


def test_without_the_package_its_names_are_refused_where_they_stand(tasks: Path, checkpoint: Path) -> None:
    run = molbench("evaluate", str(checkpoint), "-t", "toy/atoms", site=None)
    assert run.returncode == 2
    lines = tasks.read_text().splitlines()
    kind, metric = lines.index("    kind: counts") + 1, lines.index("    - deviance") + 1
    said = " ".join(run.stderr.split())
    assert f"tasks.yaml:{kind}: tasks.atoms.kind: unknown task kind 'counts'" in said
    assert f"tasks.yaml:{metric}: tasks.atoms.metrics.0: unknown metric 'deviance'" in said


def test_names_are_known_without_importing_what_has_them(tasks: Path, installed: Path) -> None:
    (installed / "poisson/counts.py").write_text("raise SystemExit('imported')")
    (installed / "poisson/deviance.py").write_text("raise SystemExit('imported')")
    run = molbench("list", "tasks", "toy/*", site=installed)
    assert run.returncode == 0, run.stderr
    assert "toy/atoms" in run.stdout and "counts" in run.stdout
