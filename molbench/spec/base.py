"""What every declaration has in common."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A declaration: immutable, and an unknown key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
