"""Where the tests find files that are not part of the project, and what a test may not do."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

#: Audit events of a process that is started.
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
#: Programs that whichever test comes first starts: kernels are compiled, libraries and fonts are looked for.
HELPERS = {Path(os.environ.get("CC", "cc")).name, "ldconfig", "fc-list"}

CHROMIUM = shutil.which("chromium")
#: Without these a browser without a network looks for one all the time.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Tests run side by side, so each takes one thread, and so does what it starts. Read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_fast_test: str | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Set what holds before modules are collected, which read the catalogue and caches."""
    # A run started in the background is deaf to Ctrl-C, and so would be every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.TemporaryDirectory(prefix="molbench-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ["MOLBENCH_HOME"] = str(Path(folder.name) / "molbench")
    os.environ["HF_HOME"] = str(Path(folder.name) / "huggingface")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.pop("MOLBENCH_DATASETS", None)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: the libraries and the tests themselves."""
    gc.collect()
    gc.freeze()


def _refuse_processes(event: str, arguments: tuple[Any, ...]) -> None:
    if _fast_test is None or event not in STARTS:
        return
    if event == "subprocess.Popen" and Path(os.fsdecode(arguments[0])).name in HELPERS:
        return
    raise RuntimeError(f"{_fast_test} starts a process ({event}): mark it slow")


def _start_unless_fast(process: BaseProcess) -> None:
    """Spawning by ``multiprocessing`` raises no audit event of its own."""
    _refuse_processes("os.fork", ())
    _start(process)


sys.addaudithook(_refuse_processes)
_start = BaseProcess.start
BaseProcess.start = _start_unless_fast  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for files from outside is marked so."""
    for item in items:
        for fixture, mark in (("real_data", "real"), ("golden", "golden")):
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that starts a process is marked ``slow``, so that ``make test-fast`` is what it says."""
    global _fast_test  # noqa: PLW0603 - an audit hook cannot be taken off again
    _fast_test = None if item.get_closest_marker("slow") else item.nodeid
    try:
        return (yield)
    finally:
        _fast_test = None


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder a test; ``mktemp`` would look through those of all tests before."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another has built."""
    monkeypatch.setenv("MOLBENCH_HOME", str(next(_homes)))


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f"{variable}={value} is not a folder")
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real raw files; the test is skipped without one."""
    return _folder("MOLBENCH_REAL_DATA")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of reference outputs; the test is skipped without one."""
    return _folder("MOLBENCH_GOLDEN")


@pytest.fixture
def build_molecules(tmp_path: Path) -> Callable[..., Path]:
    """Build a dataset with RDKit geometries: ``build_molecules(name, smiles, with_smiles=True, seed=1)``."""
    from tests.molecule_dataset import MoleculeDataset

    return MoleculeDataset(tmp_path)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; one for all tests, since a second one cannot be started in the same process."""
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()
