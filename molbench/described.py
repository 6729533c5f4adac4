"""What a registered class says of itself, read from its source: nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from molbench.paths import PACKAGE
from molbench.registry import Registry

_PAPERS = (
    re.compile(
        r"\(([^()]+,[^()]*\b(?:19|20)\d\d\b[^()]*)\)"
    ),  # … (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602)
    re.compile(r"^([^;:]{2,120}?\b(?:19|20)\d\d\b(?!\.\d)\)?(?:[ ,]+\(?arXiv \d{4}\.\d{4,5}\)?)?)"),
    re.compile(r"(arXiv \d{4}\.\d{4,5})"),
)
"""How a paper is cited, the clearest form first."""


@dataclass(frozen=True)
class Description:
    """A class of a registry.

    Attributes:
        summary: What it does, the first line of its module's documentation.
        paper: Whose it is: authors, place, year and arXiv number as far as they are told.
        attributes: Constants of the class and of what it inherits from.
        defined: Names of the methods that the class itself defines.
    """

    summary: str
    paper: str
    attributes: dict[str, Any]
    defined: frozenset[str]


def described(registry: Registry[Any], name: str) -> Description:
    """Describe what is registered under a name.

    Raises:
        UserError: If the name is unknown or claimed twice.
    """
    module, _, attribute = registry.target(name).partition(":")
    tree = _tree(module)
    docstring = (ast.get_docstring(tree) if tree else None) or ""
    summary, *further = [" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")]
    body = node.body if (node := _class(tree, attribute)) else []
    return Description(
        summary=summary,
        paper=_paper([*further[:1], summary]),
        attributes=_attributes(module, attribute),
        defined=frozenset(item.name for item in body if isinstance(item, ast.FunctionDef)),
    )


def _paper(texts: Sequence[str]) -> str:
    """Authors, year and number of a paper that one of some texts cites; empty where none does."""
    for form in _PAPERS:
        for text in texts:
            if match := form.search(text):
                cited = match[1].strip()
                return cited + ")" if cited.count("(") > cited.count(")") else cited
    return ""


def _attributes(module: str, name: str) -> dict[str, Any]:
    """Constants of a class; those of its bases are beneath its own."""
    tree = _tree(module)
    node = _class(tree, name)
    if tree is None or node is None:
        return {}
    values: dict[str, Any] = {}
    for base in reversed([_name(item) for item in node.bases]):
        values |= _attributes(_origin(tree, base) or module, base) if base != name else {}
    for item in node.body:
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        value = getattr(item, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            values[target.id] = value.value
    return values


def _name(base: ast.expr) -> str:
    """``Method`` of ``Method[Config, Draws]``."""
    inner = base.value if isinstance(base, ast.Subscript) else base
    return inner.id if isinstance(inner, ast.Name) else ""


def _origin(tree: ast.Module, name: str) -> str | None:
    """The module that a name is imported from."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            return node.module
    return None


def _class(tree: ast.Module | None, name: str) -> ast.ClassDef | None:
    nodes = tree.body if tree else []
    return next((node for node in nodes if isinstance(node, ast.ClassDef) and node.name == name), None)


@cache
def _tree(module: str) -> ast.Module | None:
    """Source of a module; None of what is no file of Python."""
    first, *below = module.split(".")
    if first == PACKAGE.name:
        path = PACKAGE.joinpath(*below)
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    else:
        try:
            spec = find_spec(module)
        except ImportError:
            spec = None
        path = Path(spec.origin) if spec and spec.origin else Path()
    try:
        return ast.parse(path.read_bytes()) if path.suffix == ".py" else None
    except (OSError, SyntaxError, ValueError):
        return None
