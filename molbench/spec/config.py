"""Plain mappings to checked dataclasses of settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from molbench.errors import UserError, error_line, meant, quoted

#: No size, number of layers or of anything else in a configuration is larger.
MOST = 1_000_000

#: A part of something, not nothing of it; and a part that is dropped, not all of it.
Share = Annotated[float, Field(gt=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

T = TypeVar("T")

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def parse_config(kind: str, config_type: type[T], values: Mapping[str, Any] | None) -> T:
    """Build a dataclass from the values given, defaults for the rest.

    Args:
        kind: What is configured, for messages: ``"backbone 'schnet'"``.
        config_type: A dataclass whose fields are builtins.
        values: Field name to value.

    Raises:
        UserError: If a field is unknown, or a value is missing, has the wrong type or is no sensible number.
    """
    known = [field.name for field in fields(config_type)]  # type: ignore[arg-type]
    unknown = sorted(set(values or {}) - set(known))
    if unknown:
        hint = meant(unknown[0], known)
        listed = ", ".join(known) or "none"
        raise UserError(f"{kind}: no setting {quoted(unknown[0])}{hint}; settings: {listed}")
    try:
        parsed: T = _adapter(config_type).validate_python(dict(values or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UserError(f"{kind}: setting '{where}' is missing") from None
        raise UserError(f"{kind}: setting '{where}': {first['msg']}, not {quoted(first['input'])}") from None
    for name in values or {}:  # text that says a number, nan even, has become one
        if isinstance(value := getattr(parsed, name), int | float) and not abs(value) <= MOST:
            raise UserError(f"{kind}: setting '{name}': {quoted(value)} is beyond {MOST:,}")
    for name, value in (values or {}).items():
        if isinstance(value, bool) and type(getattr(parsed, name)) in {int, float}:
            raise UserError(f"{kind}: setting '{name}': a number is needed, not {value}")
    return parsed


@contextmanager
def making(kind: str, values: Mapping[str, Any] | None) -> Iterator[None]:
    """Turn what a library says of settings that do not go together into an error that names them.

    Raises:
        UserError: If the block fails as arithmetic, shapes or the system's memory do.
    """
    try:
        yield
    except (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError, MemoryError) as error:
        given = ", ".join(f"{name}={quoted(value)}" for name, value in (values or {}).items())
        raise UserError(
            f"{kind} cannot be made with {given or 'its defaults'}: {error_line(error)}"
        ) from error


def checked_config(kind: str, config: T) -> T:
    """A dataclass of settings that somebody made, if it is one that :func:`parse_config` gives.

    Raises:
        UserError: If a value has the wrong type or is out of bounds.
    """
    values = {field.name: getattr(config, field.name) for field in fields(config)}  # type: ignore[arg-type]
    return parse_config(kind, type(config), values)
