"""What every declaration has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """A declaration: immutable, and an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def later(default: Any, **constraints: Any) -> Any:
    """A field added after results were stored: left out of dumps at its default.

    What is computed from a dump, such as the key of a result, so stays as it was.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **constraints)
