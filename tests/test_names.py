"""A name means one thing: no two modules define classes of one name, and nothing is called ``found``."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from tests.rooms import FILES, ROOT


@cache
def _trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def test_no_two_modules_define_classes_of_one_name() -> None:
    classes = Counter(
        node.name for tree in _trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )
    assert "SummaryRow" in classes
    assert [name for name, count in classes.items() if count > 1] == []


def test_nothing_is_called_found() -> None:
    """What was found has a name in the field: ``encoded``, ``edges``, ``refs``."""
    names = [
        f"{path}:{node.lineno}"
        for path, tree in _trees().items()
        for node in ast.walk(tree)
        if "found" in {getattr(node, part, None) for part in ("id", "arg", "attr")}
    ]
    assert names == []
