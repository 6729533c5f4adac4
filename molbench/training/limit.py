"""A bound on what building a network may take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class TooLargeError(Exception):
    """More values were created, or more operations done, than allowed."""


class CreationLimit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, tensors may be created up to a number of values and of operations in all.

    A checkpoint's configuration may come from anybody and ask for any width and any number of layers. Sizes
    are looked at before a factory function touches its memory.

    Args:
        values: How many values.
        operations: How many operations on tensors; none takes long while the values are few.

    Raises:
        TooLargeError: From the operation that goes beyond.
    """

    def __init__(self, values: int, operations: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values, self._operations = values, operations

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: PyTorch would import its compiler for it, which takes long, and nothing is compiled here."""
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation, if its result is not too large."""
        self._operations -= 1
        if args and isinstance(args[0], list | tuple) and all(isinstance(size, int) for size in args[0]):
            self._spend(math.prod(args[0]))
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._spend(result.numel())
        return result

    def _spend(self, values: int) -> None:
        self._values -= values
        if self._values < 0 or self._operations < 0:
            raise TooLargeError
