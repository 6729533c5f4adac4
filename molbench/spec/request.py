"""Requests: what a function is asked for, as one frozen object that Python and commands fill alike.

A request is a frozen dataclass whose documentation lists its fields under ``Attributes:``. Pydantic checks
it, but only once one is made: without pydantic the command line starts in half the time.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from molbench.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def ask(request: Callable[P, R], *arguments: P.args, **fields: P.kwargs) -> R:
    """Make a request, every value checked.

    Raises:
        UserError: If a field has a wrong value, naming it.
        TypeError: If a field is missing or unknown.
    """
    from pydantic import TypeAdapter, ValidationError

    given = inspect.signature(request).bind(*arguments, **fields)
    try:
        return TypeAdapter(cast(type[R], request)).validate_python(given.arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where, what = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where}: {what}, not {first['input']!r}" if where else what) from None


def by_fields(request: Callable[P, R], act: Callable[[R], T], name: str) -> Callable[P, T]:
    """A function that takes the fields of a request for one that takes the request.

    Args:
        request: A request.
        act: What is done with it; its documentation is that of the function, with the fields behind it.
        name: Of the function.
    """

    def call(*arguments: P.args, **fields: P.kwargs) -> T:
        return act(ask(request, *arguments, **fields))

    fields = "\n".join(f"    {field}: {text}" for field, text in descriptions(request).items())
    call.__name__ = call.__qualname__ = name
    call.__module__ = act.__module__
    call.__doc__ = f"{inspect.getdoc(act)}\n\nThe fields of the request are the arguments:\n{fields}\n"
    result = inspect.signature(act).return_annotation
    call.__signature__ = inspect.signature(request).replace(return_annotation=result)  # type: ignore[attr-defined]
    return call


def descriptions(request: Any) -> dict[str, str]:
    """What each field of a request is, as its documentation says."""
    _, _, attributes = (inspect.getdoc(request) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
