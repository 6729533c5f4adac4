"""How many layers a released state dict has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from molbench.errors import UserError


def layers_of(state: Iterable[str], pattern: str) -> int:
    """Number of layers, the pattern's group being the index.

    Raises:
        UserError: If a number is left out: a single name could ask for a model of any depth.
    """
    numbers = {int(found[1]) for name in state if (found := re.match(pattern, name))}
    if numbers != set(range(len(numbers))):
        raise UserError(f"its layers are not numbered from 0 on, but up to {max(numbers)}")
    return len(numbers)
