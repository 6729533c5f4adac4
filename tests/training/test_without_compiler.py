"""Training needs no compiler; one that a program brings along works beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import molbench
molbench.pretrain(
    "coord", backbone="painn", data="xtb-molecules", steps=2, output="m.pt",
    overrides={"backbone": {"width": 16}, "training": {"batch_size": 8, "warmup_steps": 0}},
)
molbench.evaluate("m.pt", "xtb-molecules/gap", seeds=1, scratch=False)
print(sorted({"torch._dynamo", "torchmetrics", "matplotlib", "scipy.signal"} & {*sys.modules}))

import torch, torch._dynamo
from lightning_fabric import wrappers
from lightning_fabric.utilities.imports import _TORCHMETRICS_GREATER_EQUAL_1_0_0
module = torch.nn.Linear(2, 2)
compiled = torch.compile(module)
print(isinstance(compiled, wrappers.OptimizedModule), isinstance(module, wrappers.OptimizedModule))
import torchmetrics
print(hasattr(torchmetrics, "MeanMetric"), _TORCHMETRICS_GREATER_EQUAL_1_0_0)
"""


def test_what_is_slow_to_import_is_not_and_works_where_it_is_imported_later(tmp_path: Path) -> None:
    """Stand-ins that Fabric was given are gone, and what they told it is true."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["[]", "True False", "True True"]
