"""Plain mappings to checked dataclasses of settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from molbench.errors import UserError

T = TypeVar("T")


def parse_config(kind: str, config_type: type[T], values: Mapping[str, Any] | None) -> T:
    """Build a dataclass from the values given, defaults for the rest.

    Args:
        kind: What is configured, for messages: ``"backbone 'schnet'"``.
        config_type: A dataclass whose fields are builtins.
        values: Field name to value.

    Raises:
        UserError: If a field is unknown, or a value is missing or has the wrong type.
    """
    known = [field.name for field in fields(config_type)]  # type: ignore[arg-type]
    unknown = sorted(set(values or {}) - set(known))
    if unknown:
        raise UserError(f"{kind}: no setting '{unknown[0]}'; settings: {', '.join(known) or 'none'}")
    try:
        return TypeAdapter(config_type).validate_python(dict(values or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UserError(f"{kind}: needs the setting '{where}'") from None
        raise UserError(f"{kind}: setting '{where}': {first['msg']}, not {first['input']!r}") from None
