"""What the values of a metric are computed by, as one number that comments and layout do not change."""

import ast
import importlib
import inspect
from hashlib import sha256
from types import ModuleType

from molbench.metrics import METRICS
from molbench.metrics.metric import Metric


def digest_of(metric: Metric) -> str:
    """SHA-256 over the code of a metric and of everything in ``molbench.metrics`` that it uses, shortened."""
    used: dict[str, str] = {}
    _collect(inspect.getmodule(metric.function), metric.function.__name__, used)
    _collect(importlib.import_module("molbench.metrics.metric"), "Metric", used)
    return sha256("\n".join(used[name] for name in sorted(used)).encode()).hexdigest()[:16]


def current() -> dict[str, dict[str, object]]:
    """Version and digest of every metric of this package."""
    return {name: {"version": METRICS[name].version, "digest": digest_of(METRICS[name])} for name in METRICS}


def _collect(module: ModuleType | None, name: str, used: dict[str, str]) -> None:
    """Add the definition of a name, and of the names in it that belong to the room."""
    if module is None or (key := f"{module.__name__}:{name}") in used:
        return
    body = ast.parse(inspect.getsource(module)).body
    defined = next((node for node in body if name in _names(node)), None)
    if defined is None:
        return
    used[key] = ast.unparse(_without_docstrings(defined))
    for node in ast.walk(defined):
        if isinstance(node, ast.Name):
            _collect(_home(module, node.id), node.id, used)


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _home(module: ModuleType, name: str) -> ModuleType | None:
    """The module of the room that defines what ``name`` is in ``module``."""
    value = getattr(module, name, None)
    home = inspect.getmodule(value.function if isinstance(value, Metric) else value) or module
    return home if home.__name__.startswith("molbench.metrics.") else None


def _without_docstrings(node: ast.stmt) -> ast.stmt:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
        if isinstance(inner, ast.FunctionDef):  # the decorator holds the version itself
            inner.decorator_list = []
    return node
