"""A folder's listing is the registry: what a file there defines is found under the name it gives itself."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from molbench.errors import UserError, unknown_name

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping of the objects of one kind, which are imported only when asked for.

    An object says its name once, in its own file: a class as ``name = "schnet"``, a function by a decorator
    that is called as the kind is, ``@splitter("kfold-half")``, and any other object by that decorator or by
    its class, ``XTB = Generator("xtb", ...)``. Files are read, not imported, the first time that a name is
    needed; those in folders below count too, and one that names nothing is passed over. Other packages add
    theirs through entry points. A name that two of them claim is refused when it is asked for, the other
    names are not.

    Args:
        kind: What is listed, for messages and as the name of decorator or class: ``"backbone"``.
        package: The package that is the listing.
        group: Entry-point group through which other packages add to it, e.g. ``"molbench.backbones"``.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind = kind
        self._package = package
        self._group = group

    def __getitem__(self, name: str) -> T:
        """Import what has this name.

        Raises:
            UserError: If the name is unknown, claimed twice, not that of the object, or the import fails.
        """
        target = self.target(name)
        module, _, attribute = target.partition(":")
        try:
            value: T = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UserError(f"{self.kind} '{name}' cannot be loaded from {target}: {error}") from error
        if (declared := getattr(value, "name", None)) != name:
            raise UserError(
                f"{self.kind} '{name}' of {target} calls itself {declared!r}: the names must agree"
            )
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._targets))

    def __len__(self) -> int:
        return len(self._targets)

    def module(self, name: str) -> str:
        """Dotted name of the module that defines it, which is not imported.

        Raises:
            UserError: If the name is unknown or claimed twice.
        """
        return self.target(name).partition(":")[0]

    def target(self, name: str) -> str:
        """``module:attribute`` of what has this name, which is not imported.

        Raises:
            UserError: If the name is unknown or claimed twice.
        """
        if name not in self._targets:
            raise unknown_name(self.kind, name, self)
        target, *others = self._targets[name]
        if others:
            claims = " and by ".join((target, *others))
            raise UserError(f"{self.kind} '{name}' is claimed by {claims}: rename or remove one of them")
        return target

    @cached_property
    def _targets(self) -> dict[str, list[str]]:
        """Every ``module:attribute`` that claims a name."""
        targets: dict[str, list[str]] = {}
        for name, target in self._built_in():
            targets.setdefault(name, []).append(target)
        for point in _entry_points(tuple(sys.path)).select(group=self._group):
            if point.value not in targets.setdefault(point.name, []):
                targets[point.name].append(point.value)
        return targets

    def _built_in(self) -> Iterator[tuple[str, str]]:
        package = find_spec(self._package)
        for folder in (package and package.submodule_search_locations) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                below = path.relative_to(folder).with_suffix("").parts
                module = ".".join((self._package, *(part for part in below if part != "__init__")))
                for name, attribute in _named(path, self.kind):
                    yield name, f"{module}:{attribute}"


@lru_cache(maxsize=1)
def _entry_points(_path: tuple[str, ...]) -> Any:  # of two types, by the version of Python
    """Those of all packages that are installed, which takes reading something of each."""
    from importlib.metadata import entry_points

    return entry_points()


def _named(path: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Name and attribute of every object at the top level of a file that says its name.

    Raises:
        UserError: If the file is not Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} cannot be read as Python: {error}") from error
    for node in tree.body:
        match node:
            case ast.ClassDef(name=attribute, body=body, decorator_list=values):
                for statement in body:
                    match statement:
                        case (
                            ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name)))
                            | ast.AnnAssign(target=ast.Name(id="name"), value=ast.Constant(value=str(name)))
                        ):
                            yield name, attribute
            case ast.FunctionDef(name=attribute, decorator_list=values):
                pass
            case ast.Assign(targets=[ast.Name(id=attribute)], value=value):
                values = [value]
            case _:
                continue
        for value in values:
            if (given := _given(value, kind)) is not None:
                yield given, attribute


def _given(value: ast.expr, kind: str) -> str | None:
    """The name in ``kind("name", ...)``, ``Kind("name", ...)`` or ``kind("name", ...)(function)``."""
    match value:
        case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(name)), *_]):
            return name if called.lower() == kind else None
        case ast.Call(func=ast.Call() as call):
            return _given(call, kind)
    return None
