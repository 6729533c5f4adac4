"""The rooms of the package, and which modules import which."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "molbench"
FILES = sorted(PACKAGE.rglob("*.py"))
# A room may import from itself and from rooms further up this list.
ROOMS = [
    "kernels",
    "metrics",
    "spec",
    "executors",
    "chem",
    "graph",
    "data.records",
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
    "submission",
    "leaderboard",
    "site",
    "generate",
    "testing",
    "cli",
]
#: What users import from; names are fetched from the rooms when they are asked for.
FRONTS = ("molbench", "molbench.__main__", "molbench.data")


def imported_by(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in it."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return {name for name in modules if name.split(".")[0] == "molbench"}


def room_of(module: str) -> str | None:
    """The room of a module such as ``molbench.data.read.store``; None for the small ones at the root."""
    parts = module.split(".")[1:]
    for length in (2, 1):
        name = ".".join(parts[:length])
        if name in ROOMS:
            return name
    return None


def module_name(path: Path) -> str:
    """As one imports a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
