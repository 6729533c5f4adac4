"""A folder's listing is a registry."""

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from molbench import registry
from molbench.errors import UserError
from molbench.registry import Registry

FILES = {
    "__init__.py": "",
    "base.py": "class Shape:\n    name: str\n\n\nlimits = dict('none')\n",
    "square.py": "class Side:\n    pass\n\n\nclass Square:\n    name = 'square++'\n",
    "round/circle.py": "class Circle:\n    name = '2d-circle'\n",
    "round/ring.py": "class Ring:\n    name: str = 'ring'\n",
    "functions.py": """
from types import SimpleNamespace


def shape(name):
    return lambda function: SimpleNamespace(name=name, area=function)


@shape("half-moon")
def half_moon():
    return 1


crescent = shape("crescent")(half_moon.area)
""",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of shapes, importable as ``shapes``."""
    for name, text in FILES.items():
        path = tmp_path / "shapes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in [name for name in sys.modules if name.split(".")[0] == "shapes"]:
        monkeypatch.delitem(sys.modules, module)
    return tmp_path / "shapes"


def shapes() -> Registry[object]:
    return Registry("shape", "shapes", "nobody.shapes")


def claim(monkeypatch: pytest.MonkeyPatch, **targets: str) -> None:
    """Another package is installed that adds these."""
    points = [EntryPoint(name, value, "nobody.shapes") for name, value in targets.items()]
    monkeypatch.setattr(registry, "_entry_points", lambda path: EntryPoints(points))


def test_what_names_itself_is_found_wherever_it_lies(folder: Path) -> None:
    shapes_of = shapes()
    assert list(shapes_of) == ["2d-circle", "crescent", "half-moon", "ring", "square++"]
    assert shapes_of["2d-circle"].__module__ == "shapes.round.circle"
    assert shapes_of["half-moon"].area() == 1
    assert shapes_of.module("half-moon") == "shapes.functions"


def test_listing_imports_nothing_but_the_folder(folder: Path) -> None:
    (folder / "broken.py").write_text("class Broken:\n    name = 'broken'\n\n\nimport nothing_of_this_name\n")
    shapes_of = shapes()
    assert "broken" in shapes_of
    assert not {name for name in sys.modules if name.startswith("shapes.")}
    with pytest.raises(
        UserError, match=r"shape 'broken' cannot be loaded from shapes.broken:Broken: No module"
    ):
        shapes_of["broken"]


def test_a_name_claimed_twice_is_refused_and_the_others_are_not(folder: Path) -> None:
    (folder / "round" / "disc.py").write_text("class Disc:\n    name = '2d-circle'\n")
    shapes_of = shapes()
    with pytest.raises(
        UserError, match=r"'2d-circle' is claimed by shapes.round.circle:Circle and by .*disc"
    ):
        shapes_of["2d-circle"]
    assert shapes_of["square++"]


def test_other_packages_add_and_never_replace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(monkeypatch, heart="shapes.round.circle:Circle", crescent="other.moons:Crescent", star="other:Star")
    shapes_of = shapes()
    with pytest.raises(UserError, match=r"'heart' of shapes.round.circle:Circle calls itself '2d-circle'"):
        shapes_of["heart"]
    with pytest.raises(UserError, match=r"claimed by shapes.functions:crescent and by other.moons:Crescent"):
        shapes_of["crescent"]
    with pytest.raises(UserError, match=r"'star' cannot be loaded from other:Star: No module named 'other'"):
        shapes_of["star"]


def test_unknown_names_are_corrected(folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"unknown shape 'halfmoon' \(did you mean 'half-moon'\?\); known: 2d-"
    ):
        shapes()["halfmoon"]
    with pytest.raises(UserError, match="unknown shape 'qm9'; known: 2d-circle, crescent"):
        shapes()["qm9"]


def test_a_file_that_is_not_python_is_named(folder: Path) -> None:
    (folder / "torn.py").write_text("class Torn:\n    name = ")
    with pytest.raises(UserError, match=r"torn.py cannot be read as Python: .*line 2"):
        list(shapes())
