"""Files of safetensors, whose header is checked before the library reads it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from molbench.errors import quoted

#: Bytes of the header, some 100 for each tensor, and characters of what it says of the checkpoint.
MAX_HEADER, MAX_TEXT = 2**20, 2**18
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def read_safetensors(path: Path) -> tuple[str | None, dict[str, Tensor]]:
    """What the header holds under ``molbench``, None where there is nothing, and the tensors.

    Raises:
        ValueError: If the file is damaged, or its header contradicts itself or the length of the file.
        OSError: If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    metadata = _header(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ValueError(f"damaged: {error}") from error


def parse_json(text: str | bytes) -> Any:
    """JSON without repeated keys and without numbers that are not finite.

    Raises:
        ValueError: If it is none, or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _header(path: Path) -> str | None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise ValueError("cut short, or no file of safetensors")
        if length > MAX_HEADER:
            raise ValueError(f"its header is longer than {MAX_HEADER // 2**20} MiB")
        header = parse_json(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no list of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are not text")
    text: str | None = metadata.get("molbench")
    if text is not None and len(text) > MAX_TEXT:
        raise ValueError(f"more than {MAX_TEXT:,} characters about its origin")
    _check_places(header, size - 8 - length)
    return text


def _check_places(header: Mapping[str, Any], size: int) -> None:
    """Tensors must fill the rest of the file, each the bytes that its type and shape need."""
    places = []
    for name, tensor in header.items():
        match tensor:
            case {
                "dtype": str() as dtype,
                "shape": list() as shape,
                "data_offsets": [int() as start, int() as end],
            }:
                numbers = (*shape, start, end)
            case _:
                raise ValueError(f"tensor {quoted(name)} has no type, shape and place")
        if dtype not in _SIZES:
            raise ValueError(f"tensor {quoted(name)} holds {quoted(dtype)}; only real numbers are read")
        if not all(type(number) is int and number >= 0 for number in numbers) or len(shape) > 8:
            raise ValueError(f"tensor {quoted(name)} has no sensible shape or place")
        if end - start != math.prod(shape) * _SIZES[dtype]:
            raise ValueError(f"tensor {quoted(name)} claims more or fewer values than it has bytes")
        places.append((start, end))
    ends = [0, *(end for _, end in sorted(places))]
    if [start for start, _ in sorted(places)] != ends[:-1] or ends[-1] != size:
        raise ValueError("tensors overlap, leave gaps, or do not fill the file")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key stands twice in it")
    return values


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} in it, which is no number")
