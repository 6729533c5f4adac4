"""A command made of requests: each of their fields is an option, whose help is what the field says it is."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from molbench.spec.request import descriptions

Command = Callable[..., None]


def options_of(*requests: Any, **shown: Any) -> Callable[[Callable[[dict[str, Any]], None]], Command]:
    """Turn a function of the fields that a user gives into a command.

    Args:
        *requests: Frozen dataclasses with described fields.
        **shown: Field to its type on the command line where that is another, or its option has other names:
            ``output=Annotated[Path, typer.Option("--output", "-o")]``.
    """
    parameters = [
        _parameter(field, (get_type_hints(request) | shown)[field.name], _texts(request)[field.name])
        for request in requests
        for field in fields(request)
    ]

    def decorate(act: Callable[[dict[str, Any]], None]) -> Command:
        def command(**options: Any) -> None:
            act({name: value for name, value in options.items() if value is not None and value != []})

        command.__name__, command.__doc__, command.__module__ = act.__name__, act.__doc__, act.__module__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def _texts(request: Any) -> dict[str, str]:
    """What each field is; nothing where Python was told to leave documentation out."""
    documented = sys.flags.optimize < 2
    return descriptions(request) if documented else {field.name: "" for field in fields(request)}


def _parameter(field: "Field[Any]", kind: Any, texts: str) -> inspect.Parameter:
    option: Any = typer.Option()
    if get_origin(kind) is Annotated:
        kind, option = get_args(kind)
    option.help = texts
    default: Any = field.default
    if default is MISSING and field.default_factory is MISSING:
        default = inspect.Parameter.empty
    elif not isinstance(default, str | int):
        default, kind = None, kind | None
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )
