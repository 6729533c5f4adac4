"""Settings of backbones and methods: which dataclass they are, without importing torch."""

from dataclasses import dataclass, is_dataclass
from typing import Any, ClassVar, Generic, get_args, get_origin

from typing_extensions import TypeVar

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

    @classmethod
    def small(cls) -> dict[str, Any]:
        """Settings that make a small one, for tests; what they leave out is as ever."""
        return {}
