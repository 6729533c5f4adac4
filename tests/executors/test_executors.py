"""Whatever becomes of one unit, the others are executed, once, and nothing stays behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.executors import EXECUTORS
from molbench.executors.base import Done, Unit

pytestmark = pytest.mark.slow

HERE = "tests.executors.units"
#: What needs no other package; those that do have files of their own beside this one.
PLAIN = [name for name in EXECUTORS if not EXECUTORS[name].needs]


def unit(function: str, key: str = "", **arguments: object) -> Unit:
    return Unit(key or function, f"{HERE}:{function}", arguments)


def run(name: str, groups: list[list[Unit]], **settings: object) -> dict[str, Done]:
    done = list(EXECUTORS[name](**settings).run(groups))  # type: ignore[arg-type]
    assert len(done) == sum(map(len, groups))
    return {item.key: item for item in done}


def gone(process: int, within: float = 10.0) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def wait_for(path: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(path)


@pytest.mark.parametrize("name", PLAIN)
def test_every_executor_gives_the_same(name: str) -> None:
    heard: list[tuple[str, dict]] = []
    groups = [[unit("square", f"{x}", x=x) for x in (1, 2)], [unit("square", "3", x=3)], [unit("wrong")]]
    executor = EXECUTORS[name](workers=2)
    done = {
        item.key: item
        for item in executor.run(groups, lambda key, message: heard.append((key, dict(message))))
    }
    assert [done[key].value for key in "123"] == [1, 4, 9]
    assert done["wrong"].error == "this is wrong"
    assert sorted(heard) == [("1", {"at": 1}), ("2", {"at": 2}), ("3", {"at": 3})]


@pytest.mark.parametrize("name", PLAIN)
def test_an_exception_is_told_in_one_line_with_its_place(name: str) -> None:
    done = run(name, [[unit("broken"), unit("square", x=2)], [Unit("lost", "no.such:thing", {})]])
    assert done["broken"].error == "KeyError: 'nothing' (units.py:22)"
    assert done["square"].value == 4
    assert "No module named 'no'" in (done["lost"].error or "")


@pytest.mark.parametrize(
    ("function", "told"),
    [("killed", "memory ran out"), ("left", "ended with code 3"), ("unsendable", "cannot be sent")],
)
def test_a_lost_process_costs_one_unit(function: str, told: str) -> None:
    groups = [
        [unit("square", "a", x=1), unit(function), unit("square", "b", x=2)],
        [unit("square", "c", x=3)],
    ]
    done = run("local", groups, workers=1)
    assert told in (done[function].error or "")
    assert [done[key].value for key in "abc"] == [1, 4, 9]


def test_a_lost_process_can_be_tried_again(tmp_path: Path) -> None:
    arguments = {"flag": str(tmp_path / "flag")}
    assert run("local", [[unit("killed_once", **arguments)]], retries=1)["killed_once"].value == "second time"
    (tmp_path / "flag").unlink()
    assert run("local", [[unit("killed_once", **arguments)]])["killed_once"].error


def test_a_hung_unit_is_given_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    groups = [[unit("hung", pid=str(pid)), unit("square", x=5)]]
    done = run("local", groups, time_limit=3.0, retries=2)
    assert done["hung"].error == "took longer than the limit of 3 s"
    assert done["square"].value == 25
    assert gone(int(pid.read_text()))


def test_files_of_the_working_folder_are_no_modules_of_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not the module that is meant')")
    monkeypatch.chdir(tmp_path)
    assert run("local", [[unit("square", x=3)]])["square"].value == 9


def test_units_of_a_group_share_a_process() -> None:
    done = run("local", [[unit("process", f"{x}{y}") for y in "ab"] for x in "xy"], workers=2)
    assert done["xa"].value == done["xb"].value != done["ya"].value == done["yb"].value


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcomes = EXECUTORS["local"](workers=2).run([[unit("square", x=1)], [unit("hung", pid=str(pid))]])
    assert next(outcomes).value == 1
    process = int(wait_for(pid))
    outcomes.close()  # type: ignore[attr-defined]
    assert gone(process)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_takes_its_workers_with_it(tmp_path: Path, number: signal.Signals) -> None:
    pid = tmp_path / "pid"
    code = f"""
        from molbench.executors import EXECUTORS
        from molbench.executors.base import Unit
        list(EXECUTORS["local"]().run([[Unit("a", "{HERE}:hung", {{"pid": {str(pid)!r}}})]]))
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.DEVNULL)
    try:
        worker = int(wait_for(pid))
        parent.send_signal(number)
        parent.wait(30)
        assert gone(worker)
    finally:
        parent.kill()


@pytest.mark.parametrize("way", ["script", "standard input"])
def test_scripts_need_no_guard(tmp_path: Path, way: str) -> None:
    code = textwrap.dedent(f"""
        from molbench.executors import EXECUTORS
        from molbench.executors.base import Unit
        groups = [[Unit(str(x), "{HERE}:square", {{"x": x}})] for x in range(3)]
        print(sum(done.value for done in EXECUTORS["local"](workers=2).run(groups)))
    """)
    script = tmp_path / "unguarded.py"
    script.write_text(code)
    given: dict[str, Callable[[], subprocess.CompletedProcess[str]]] = {
        "script": lambda: subprocess.run(
            [sys.executable, script], capture_output=True, text=True, check=False, timeout=240
        ),
        "standard input": lambda: subprocess.run(
            [sys.executable, "-"], input=code, capture_output=True, text=True, check=False, timeout=240
        ),
    }
    result = given[way]()
    assert result.stdout == "5\n", result.stderr


def test_an_unknown_executor_is_named() -> None:
    with pytest.raises(UserError, match="unknown executor 'moon'"):
        EXECUTORS["moon"]
