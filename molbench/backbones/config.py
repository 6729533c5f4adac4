"""Plain mappings to checked config dataclasses, without importing torch."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from molbench.errors import UserError


def parse_config(kind: str, config_type: type, values: Mapping[str, Any] | None) -> Any:
    """Build a config dataclass from the values given, defaults for the rest.

    Args:
        kind: What is configured, for messages: ``"backbone 'schnet'"``.
        config_type: A dataclass whose fields are builtins.
        values: Field name to value.

    Raises:
        UserError: If a field is unknown or a value has the wrong type.
    """
    known = [field.name for field in fields(config_type)]
    unknown = sorted(set(values or {}) - set(known))
    if unknown:
        raise UserError(f"{kind}: no setting '{unknown[0]}'; settings: {', '.join(known)}")
    try:
        return TypeAdapter(config_type).validate_python(dict(values or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{kind}: setting '{where}': {first['msg']}, not {first['input']!r}") from None
