"""The shape of the house: who may import whom, how large a file may be, what must not exist."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.rooms import FILES, FRONTS, PACKAGE, ROOMS, ROOT, imported_by, module_name, room_of


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_only_from_their_left(path: Path) -> None:
    if module_name(path) in FRONTS:
        return
    room = room_of(module_name(path))
    allowed = {None, *ROOMS[: ROOMS.index(room) + 1]} if room else {None}
    for name in imported_by(path):
        assert room_of(name) in allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_every_folder_is_a_room() -> None:
    folders = {module_name(path.parent) for path in FILES} - set(FRONTS)
    assert not [folder for folder in folders if room_of(folder) is None]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_has_more_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_functions_are_short() -> None:
    """A function is read from top to bottom without losing the thread; a few are lists of their cases."""
    long = [
        f"{path.relative_to(ROOT)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 60
    ]
    assert len(long) <= 5, long


def test_no_room_holds_more_than_28_percent_of_the_lines() -> None:
    """Nor does ``data``, which is five rooms."""
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    rooms: Counter[str] = Counter()
    for path, count in counts.items():
        for room in {room_of(module_name(path)), path.relative_to(PACKAGE).parts[0]} - {None}:
            rooms[room] += count
    assert [room for room, count in rooms.items() if count > 0.28 * sum(counts.values())] == []


@pytest.mark.slow
def test_the_catalogue_does_not_hide_hugging_face() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))
    code = "import datasets; assert hasattr(datasets, 'load_dataset'), datasets"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=240)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["molbench", "molbench.cli.main", "molbench.spec.catalogue"])
def test_heavy_libraries_wait_until_they_are_needed(module: str) -> None:
    heavy = "{'torch', 'rdkit', 'torch_geometric', 'datasets', 'sklearn', 'pyarrow', 'numpy.random'}"
    code = f"import sys, {module}; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=240)


def test_only_the_command_line_prints() -> None:
    for path in FILES:
        if path.relative_to(PACKAGE).parts[0] != "cli":
            calls = [
                node.func.id
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            ]
            assert "print" not in calls, path


def test_weights_are_never_unpickled() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                words = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert words.get("weights_only") == "True", f"{path}:{node.lineno}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert "pickle" not in names, path
