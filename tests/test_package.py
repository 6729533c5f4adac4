"""What is published: a wheel with all that a stranger needs, and sources that make the same one."""

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import molbench
from benchmarks import readme
from tests.rooms import ROOT

pytestmark = pytest.mark.slow
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Uses what came with the wheel: the catalogue, embedded data, a method, an encoder, a protocol, a board.
STRANGER = """
import molbench, pathlib, sys
assert pathlib.Path(molbench.__file__).is_relative_to(sys.argv[1]), molbench.__file__
assert len(molbench.load_dataset("xtb-molecules", "scaffold", split="test")) > 100
small = {"backbone": {"width": 16}}
molbench.pretrain(
    "coord", backbone="painn", data="xtb-molecules", steps=2, output="mine.pt", overrides=small
)
report = molbench.evaluate("mine.pt", "xtb-molecules/gap", seeds=1, scratch=False, executor="inline")
assert report.rows[0].mean > 0
"""


def _run(*command: str, cwd: Path, **environment: str) -> str:
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _wheel(sources: Path, output: Path) -> zipfile.ZipFile:
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(output), cwd=sources)
    (path,) = output.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sources")
    _run("-m", "hatchling", "build", "-t", "sdist", "-d", str(folder), cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, made of the source distribution as installers make it."""
    return _wheel(sources, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_the_catalogue_and_embedded_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"molbench", f"molbench-{molbench.__version__}.dist-info"}
    for pattern in ("datasets/**/*.yaml", "datasets/xtb-*/**/*.parquet", "leaderboards/**/*.yaml"):
        files = [path for path in ROOT.glob(pattern) if not any(p.startswith(".") for p in path.parts[1:])]
        assert len(files) > 5
        missing = {f"molbench/_catalog/{path.relative_to(ROOT)}" for path in files} - names
        assert not missing
    code = [*(ROOT / "molbench").rglob("*.py"), *(ROOT / "molbench").rglob("*.[ch]")]
    assert {str(path.relative_to(ROOT)) for path in code} <= names
    assert "molbench/py.typed" in names
    unwanted = [name for name in names if re.search(r"__pycache__|\.so$|/site/boards|(^|/)tests/", name)]
    assert not unwanted
    assert sum(info.compress_size for info in wheel.infolist()) < 20e6


def test_metadata(wheel: zipfile.ZipFile) -> None:
    name = f"molbench-{molbench.__version__}.dist-info/METADATA"
    metadata = email.message_from_bytes(wheel.read(name))
    assert metadata["Version"] == PROJECT["version"] == molbench.__version__
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == "Apache-2.0"


def test_sources_have_what_their_tests_need(sources: Path) -> None:
    for name in ("CONTRIBUTING.md", "Makefile", "mkdocs.yml", "constraints.txt", "docs/howto", "submissions"):
        assert (sources / name).exists(), name
    collected = {path.name for path in (ROOT / "tests").glob("*.py")}
    assert collected == {path.name for path in (sources / "tests").glob("*.py")}


def test_a_stranger_with_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    wheel.extractall(installed)
    empty.mkdir()
    environment = {"PYTHONPATH": str(installed), "MOLBENCH_HOME": str(tmp_path / "home")}
    _run("-c", STRANGER, str(installed), cwd=empty, **environment)
    boards = ("board", "build", "--results", "results", "--output", "board")
    assert "embedded" in _run("-m", "molbench.cli", *boards, cwd=empty, **environment)


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    stated = [seconds for _, seconds in readme.commands()]
    assert len(stated) >= 4
    assert sum(stated) <= 5 * 60
    environment = {"PYTHONPATH": str(ROOT), "MOLBENCH_HOME": str(tmp_path / "home")}
    told = _run("-m", "benchmarks.readme", cwd=tmp_path, **environment)
    assert told.count("| `molbench ") == len(stated) - 1  # all but the installation


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", readme.README.read_text(encoding="utf-8"), re.M | re.S)
    assert blocks
    for block in blocks:
        _run("-c", block, cwd=tmp_path, PYTHONPATH=str(ROOT))
