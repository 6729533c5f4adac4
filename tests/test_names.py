"""A name means one thing: no two modules define classes or public functions of one name."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.rooms import FILES, ROOT

#: Names that two files may define. A verb of the command line is called as the function that it calls.
VERBS = Path("molbench", "cli")
#: Where a process of its own begins.
ENTRY_POINTS = {"main"}
#: What such functions make is registered under a name, which is theirs within one registry.
REGISTERED = {"splitter", "audit", "metric"}
#: Names that say nothing: what was found or wanted has a name in the field, ``encoded``, ``edges``.
SAY_NOTHING = {"found", "told", "wanted", "own"}
#: Parts of names with two spellings, of which the first is ours, and PyTorch's where it has the word.
SPELLINGS = [
    *(("centre", "center"), ("colour", "color"), ("behaviour", "behavior"), ("licence", "license")),
    *(("neighbor", "neighbour"), ("optimiz", "optimis"), ("catalogue", "catalog"), ("grey", "gray")),
    *(("normalis", "normaliz"), ("standardis", "standardiz"), ("summaris", "summariz")),
]


@cache
def _trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def _shared(definitions: dict[str, set[Path]]) -> dict[str, list[str]]:
    """Names that more than one file defines, with these."""
    return {name: sorted(map(str, paths)) for name, paths in definitions.items() if len(paths) > 1}


def test_no_two_modules_define_classes_of_one_name() -> None:
    classes = defaultdict(set)
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes[node.name].add(path)
    assert "SummaryRow" in classes
    assert _shared(classes) == {}


def test_no_two_modules_define_public_functions_of_one_name() -> None:
    functions = defaultdict(set)
    for path, tree in _trees().items():
        for node in tree.body if not path.is_relative_to(VERBS) else ():
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not _registered(node):
                functions[node.name].add(path)
    assert "run_build" in functions
    assert {name: paths for name, paths in _shared(functions).items() if name not in ENTRY_POINTS} == {}


def _registered(function: ast.FunctionDef) -> bool:
    calls = [call.func for call in function.decorator_list if isinstance(call, ast.Call)]
    return any(isinstance(called, ast.Name) and called.id in REGISTERED for called in calls)


def test_no_name_says_nothing() -> None:
    names = [
        f"{path}:{node.lineno}"
        for path, tree in _trees().items()
        for node in ast.walk(tree)
        if SAY_NOTHING & {getattr(node, part, None) for part in ("id", "arg", "attr")}
    ]
    assert names == []


@pytest.mark.parametrize(("used", "other"), SPELLINGS)
def test_a_word_has_one_spelling_in_names(used: str, other: str) -> None:
    assert any(used in name.lower() for name in _names())
    assert [name for name in _names() if other in name.lower().replace(used, "")] == []


@cache
def _names() -> frozenset[str]:
    return frozenset(name for tree in _trees().values() for node in ast.walk(tree) for name in _bound(node))


def _bound(node: ast.AST) -> list[str]:
    """Names that the package itself gives, not those that it uses of others."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return [name]
    return []
