"""Nothing that PyTorch Geometric writes for its layers stays behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from molbench.testing.small import small_backbone
from molbench.backbones import BACKBONES
for name in BACKBONES:
    small_backbone(name)
"""


@pytest.mark.slow
def test_no_backbone_leaves_a_file(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", CODE], check=True, env=environment, timeout=240)
    assert list(tmp_path.rglob("*.py")) == []
