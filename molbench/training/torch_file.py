"""Files of ``torch.save`` read as inert data: nothing that they name is imported, and nothing is called."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from molbench.data.build.parsers.restricted_pickle import PERSISTENT, Call, load_pickle
from molbench.data.build.parsers.torch_archive import Archive

#: Bytes of the pickle that says what the tensors are; some 150 for each.
MAX_PICKLE = 2**20
#: Values in nested containers, each counted where it stands, and text by its length.
MAX_VALUES, MAX_TEXT, MAX_DEPTH = 100_000, 2**20, 50
_MAX_DIMENSIONS = 8
_DTYPES = {
    f"torch.{name}Storage": dtype
    for name, dtype in {
        "Double": torch.float64,
        "Float": torch.float32,
        "Half": torch.float16,
        "BFloat16": torch.bfloat16,
        "Long": torch.int64,
        "Int": torch.int32,
        "Short": torch.int16,
        "Char": torch.int8,
        "Byte": torch.uint8,
        "Bool": torch.bool,
    }.items()
}
_TENSOR, _PARAMETER = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"
_DICT, _SETTINGS = "collections.OrderedDict", "argparse.Namespace"
_KNOWN = frozenset({*_DTYPES, _TENSOR, _PARAMETER, _DICT, _SETTINGS, PERSISTENT})


def read_torch(path: Path) -> Any:
    """Containers, builtins and dense tensors of a file.

    Args:
        path: As ``torch.save`` writes it since PyTorch 1.6.

    Returns:
        Nested dicts, lists, tuples and builtins; tensors with memory of their own, on the CPU. Parameters are
        tensors, and settings kept as ``argparse.Namespace`` are dicts.

    Raises:
        ValueError: If the file is damaged, or holds or asks for anything else.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        archive = Archive(file)
        archive.verify()
        if "byteorder" in archive.sizes and archive.read("byteorder") != b"little":
            raise ValueError("written on a machine of another byte order")
        if archive.sizes.get("data.pkl", 0) > MAX_PICKLE:
            raise ValueError(f"its list of tensors is longer than {MAX_PICKLE // 2**20} MiB")
        return _Content(archive).value(load_pickle(bytes(archive.read("data.pkl")), _KNOWN))


class _Content:
    """What a pickle says, its tensors taken from an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._storages: dict[tuple[str, torch.dtype], Tensor] = {}
        self._values, self._text = MAX_VALUES, MAX_TEXT

    def value(self, item: Any, depth: int = 0) -> Any:
        """A value and all below it. What stands in several places is counted in each."""
        self._values -= 1
        self._text -= len(item) if isinstance(item, str | bytes) else 0
        if self._values < 0 or self._text < 0 or depth > MAX_DEPTH:
            raise ValueError(
                f"more than {MAX_VALUES:,} values, {MAX_TEXT:,} characters or {MAX_DEPTH} levels"
            )
        match item:
            case Call():
                return self._called(item, depth)
            case dict():
                return {self.value(k, depth): self.value(v, depth + 1) for k, v in item.items()}
            case list():
                return [self.value(each, depth + 1) for each in item]
            case tuple():
                return tuple(self.value(each, depth + 1) for each in item)
        return item

    def _called(self, call: Call, depth: int) -> Any:
        if call.name == _DICT and not call.args:
            return self.value(call.items, depth + 1)
        if call.name == _SETTINGS and not call.args and isinstance(call.state, dict):
            return self.value(call.state, depth + 1)
        if call.name == _PARAMETER and call.args:
            return self.value(call.args[0], depth + 1)
        if call.name == _TENSOR:
            return self._tensor(call.args)
        raise ValueError(f"'{call.name}' where only tensors and builtins belong")

    def _tensor(self, args: tuple[Any, ...]) -> Tensor:
        match args:
            case (Call() as storage, int() as offset, tuple() as shape, tuple() as stride, *_):
                numbers = (offset, *shape, *stride)
            case _:
                raise ValueError("a tensor without storage, offset, shape and stride")
        if (
            len(shape) != len(stride)
            or len(shape) > _MAX_DIMENSIONS
            or not all(type(number) is int and 0 <= number < 2**40 for number in numbers)
        ):
            raise ValueError("a tensor of no sensible shape")
        values = self._storage(storage)
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        # A view with stride 0 would grow to any size once it is copied.
        if math.prod(shape) > len(values) or offset > len(values) or (all(shape) and last >= len(values)):
            raise ValueError("a tensor claims more values than the file holds")
        return values.as_strided(shape, stride, offset)

    def _storage(self, call: Call) -> Tensor:
        match call.args:
            case (("storage", str() as kind, str() as key, str(), int() as count),) if kind in _DTYPES:
                dtype = _DTYPES[str(kind)]
            case _:
                raise ValueError("a tensor of values of no known type")
        if (key, dtype) not in self._storages:
            content = self._archive.read(f"data/{key}")
            if len(content) != count * dtype.itemsize:
                raise ValueError(f"a tensor claims {count:,} values of the {len(content):,} bytes of '{key}'")
            empty = torch.empty(0, dtype=dtype)
            self._storages[key, dtype] = torch.frombuffer(content, dtype=dtype) if content else empty
        return self._storages[key, dtype]
