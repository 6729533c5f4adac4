"""Names to classes, extended by other packages through entry points."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from molbench.errors import UserError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping whose values are imported only when asked for.

    Args:
        kind: What is registered, for messages: ``"backbone"``.
        group: Entry-point group through which other packages add to it, e.g. ``"molbench.backbones"``.
        builtin: Name to ``"module:attribute"``.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self._group = group
        self._builtin = dict(builtin)

    @cached_property
    def _targets(self) -> dict[str, str]:
        external = {point.name: point.value for point in entry_points(group=self._group)}
        return external | self._builtin

    def __getitem__(self, name: str) -> T:
        targets = self._targets
        if name not in targets:
            raise UserError(f"unknown {self.kind} '{name}'; known: {', '.join(sorted(targets))}")
        module, _, attribute = targets[name].partition(":")
        value: T = getattr(import_module(module), attribute)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._targets))

    def __len__(self) -> int:
        return len(self._targets)
