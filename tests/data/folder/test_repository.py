"""The folder ``datasets/`` must never shadow the library of that name."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_datasets_folder_holds_no_python():
    assert not list((ROOT / "datasets").rglob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("where", [".", "datasets"])
def test_the_library_wins(where):
    code = "import datasets; assert callable(datasets.load_dataset), datasets"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / where, check=True, timeout=240)
