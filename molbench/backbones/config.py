"""Settings of backbones and methods: which dataclass, its defaults, and plain mappings checked against it.

Imports no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, Generic, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypeVar

from molbench.errors import UserError, quoted

#: No size, number of layers or of anything else in a configuration is larger.
MOST = 1_000_000

C_co = TypeVar("C_co", covariant=True, default=Any)


@dataclass(frozen=True)
class NoSettings:
    """Settings of what has none."""


class Configured(Generic[C_co]):
    """What is built from settings, whose dataclass a class names in brackets: ``Backbone[SchNetConfig]``.

    A class that others refine is generic itself, with its own settings as the default of its type variable.
    One that names none has none.

    Class attributes:
        Config: A frozen dataclass of builtins; its defaults are what the paper says.

    Attributes:
        config: The settings it was built with.
    """

    Config: ClassVar[type] = NoSettings
    config: C_co

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for base in vars(cls).get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Configured):
                settings = get_args(base)[0]
                settings = getattr(settings, "__default__", settings)
                if isinstance(settings, type) and is_dataclass(settings):
                    cls.Config = settings


def parse_config(kind: str, config_type: type, values: Mapping[str, Any] | None) -> Any:
    """Build a config dataclass from the values given, defaults for the rest.

    Args:
        kind: What is configured, for messages: ``"backbone 'schnet'"``.
        config_type: A dataclass whose fields are builtins.
        values: Field name to value.

    Raises:
        UserError: If a field is unknown, or a value has the wrong type or is no sensible number.
    """
    known = [field.name for field in fields(config_type)]
    unknown = sorted(set(values or {}) - set(known))
    if unknown:
        raise UserError(f"{kind}: no setting {quoted(unknown[0])}; settings: {', '.join(known)}")
    for name, value in (values or {}).items():
        if isinstance(value, int | float) and not abs(value) <= MOST:
            raise UserError(f"{kind}: setting '{name}': {quoted(value)} is beyond {MOST:,}")
    try:
        return TypeAdapter(config_type).validate_python(dict(values or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{kind}: setting '{where}': {first['msg']}, not {quoted(first['input'])}") from None
