"""The tests read a catalogue of their own, never what the user has built."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from molbench.paths import home
from molbench.spec.catalogue import Catalogue

ROOT = Path(__file__).parent.parent
#: Tests that read the catalogue while they are collected, in fixtures, and in processes of their own.
READERS = [
    "tests/catalog",
    "tests/cli/test_listing.py",
    "tests/cli/test_audit.py",
    "tests/evaluation/test_plan.py",
]

AT_IMPORT = home()


def test_it_is_another_while_tests_are_collected_and_in_each_of_them(tmp_path_factory) -> None:
    assert AT_IMPORT.parent.name.startswith("molbench-tests-")
    assert home() != AT_IMPORT and home().is_relative_to(tmp_path_factory.getbasetemp())
    assert not (home() / "datasets").exists()


@pytest.mark.slow
def test_a_poisoned_dataset_of_the_user_changes_nothing(tmp_path) -> None:
    for name in Catalogue.load().entries:
        folder = tmp_path / "datasets" / name
        folder.mkdir(parents=True)
        (folder / "dataset.yaml").write_text("poison: [", encoding="utf-8")
    named = {"MOLBENCH_HOME": str(tmp_path), "MOLBENCH_DATASETS": str(tmp_path / "datasets" / "qm9")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *READERS]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | named,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
