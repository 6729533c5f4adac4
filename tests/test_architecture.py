"""The shape of the house: who may import whom, how large a file may be, what must not exist."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "molbench"
# A room may import from itself and from rooms further up this list.
ROOMS = [
    "kernels",
    "metrics",
    "spec",
    "executors",
    "chem",
    "graph",
    "data.folder",
    "data.read",
    "data.build",
    "data.leakage",
    "data.audit",
    "backbones",
    "methods",
    "training",
    "releases",
    "evaluation",
    "studies",
    "leaderboard",
    "generate",
    "testing",
    "cli",
]
FILES = sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "molbench"}


def _room(parts: tuple[str, ...]) -> str | None:
    """The room of a module below ``molbench``; None for the small modules at the root."""
    for length in (2, 1):
        name = ".".join(parts[:length])
        if name in ROOMS:
            return name
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_only_from_their_left(path: Path) -> None:
    room = _room(path.relative_to(PACKAGE).with_suffix("").parts)
    if room is None:
        return
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for name in _imports(path):
        imported = _room(tuple(name.split(".")[1:]))
        assert imported is None or imported in allowed, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_a_room_with_two_tenants(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.slow
def test_the_catalogue_does_not_hide_hugging_face() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))
    code = "import datasets; assert hasattr(datasets, 'load_dataset'), datasets"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["molbench", "molbench.cli.main", "molbench.spec.catalogue"])
def test_heavy_libraries_wait_until_they_are_needed(module: str) -> None:
    heavy = "{'torch', 'rdkit', 'torch_geometric', 'datasets', 'sklearn', 'pyarrow', 'numpy.random'}"
    code = f"import sys, {module}; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


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
