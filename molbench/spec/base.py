"""What every declaration has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from molbench.spec.request import descriptions


def _described(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give properties of a JSON schema the text that the documentation of the class has of them."""
    for cls in model.__mro__:
        for name, text in descriptions(cls).items() if cls.__doc__ else ():
            if (entry := schema.get("properties", {}).get(name)) is not None:
                entry.setdefault("description", text)


class Spec(BaseModel):
    """A declaration: immutable, and an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_described)


def later(default: Any, **constraints: Any) -> Any:
    """A field added after results were stored: left out of dumps at its default.

    What is computed from a dump, such as the key of a result, so stays as it was.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **constraints)
