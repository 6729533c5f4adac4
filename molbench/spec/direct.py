"""Predictions that are a model's own: nothing is fitted or trained here."""

from typing import Literal

from molbench.spec.base import Spec

DIRECT = "direct"


class Direct(Spec):
    """What stands in the place of a protocol for predictions that somebody hands in, and for calculators.

    Attributes:
        version: Raised whenever scores change, so that old ones are never mixed in.
    """

    name: Literal["direct"] = "direct"
    kind: Literal["direct"] = "direct"
    description: str = "A model's own predictions, scored as they are; nothing is fitted or trained here."
    version: int = 1
