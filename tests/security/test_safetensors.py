"""Files of safetensors whose header lies."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from molbench.training.checkpoint import Checkpoint
from tests.security.conftest import Refused

TOLD = {
    "format": "molbench-checkpoint",
    "version": 1,
    "backbone": {"name": "painn", "config": {}},
    "method": {"name": None, "config": {}},
    "pretraining": {},
    "environment": {},
}
A = {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}
VALUES = struct.pack("<3f", 1, 2, 3)


def metadata(text: str) -> dict[str, Any]:
    return {"__metadata__": {"molbench": text}}


SOUND = metadata(json.dumps(TOLD))


def tensor(**changes: Any) -> dict[str, Any]:
    return SOUND | {"a": A | changes}


def two(**changes: Any) -> dict[str, Any]:
    """Two tensors of six bytes each, the second changed."""
    first = {"dtype": "F16", "shape": [3], "data_offsets": [0, 6]}
    return SOUND | {"a": first, "b": first | {"data_offsets": [6, 12]} | changes}


def raw(header: str | bytes, length: int | None = None, values: bytes = VALUES) -> bytes:
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + values


def whole(header: Any, values: bytes = VALUES) -> bytes:
    return raw(json.dumps(header), values=values)


SOUND_TEXT = json.dumps(tensor())
TWICE = SOUND_TEXT[:-1] + ', "a": ' + json.dumps(A) + "}"
KEY_TWICE = SOUND_TEXT.replace('"dtype": "F32"', '"dtype": "F64", "dtype": "F32"')
DEEP = "[" * 100_000 + "]" * 100_000
FILES = {
    "empty": b"",
    "seven bytes": b"\1" * 7,
    "only a length": struct.pack("<Q", 0),
    "a length beyond the end": raw(SOUND_TEXT, length=10**6),
    "a length of all bits": raw(SOUND_TEXT, length=2**64 - 1),
    "a length that is negative": raw(SOUND_TEXT, length=2**63),
    "a shorter length": raw(SOUND_TEXT, length=10),
    "a header of two MiB": raw(SOUND_TEXT + " " * 2**21),
    "no JSON": raw("hello"),
    "no text": raw(b"\xff\xfe"),
    "a list": whole([]),
    "a number": whole(3),
    "nothing": whole(None),
    "nested without end": raw(DEEP),
    "a tensor nested without end": raw(SOUND_TEXT[:-1] + ', "b": ' + DEEP + "}"),
    "a tensor twice": raw(TWICE),
    "a key twice": raw(KEY_TWICE),
    "a number of a million digits": raw(SOUND_TEXT.replace("12", "9" * 10**5)),
    "nan": raw(SOUND_TEXT.replace("12", "NaN")),
    "no metadata": whole({"a": A}),
    "metadata that are a list": whole({"__metadata__": [], "a": A}),
    "metadata that are no text": whole({"__metadata__": {"molbench": TOLD}, "a": A}),
    "metadata that are no JSON": whole(metadata("{") | {"a": A}),
    "metadata that are a list of JSON": whole(metadata("[]") | {"a": A}),
    "metadata nested without end": whole(metadata(DEEP) | {"a": A}),
    "metadata with a key twice": whole(metadata('{"format": 1, "format": 2}') | {"a": A}),
    "metadata that are not finite": whole(metadata('{"format": Infinity}') | {"a": A}),
    "metadata without end": whole(metadata(json.dumps(TOLD) + " " * 2**19) | {"a": A}),
    "no tensors": whole(SOUND, values=b""),
    "a tensor that is a list": whole(SOUND | {"a": []}),
    "a tensor without a type": whole(SOUND | {"a": {"shape": [3], "data_offsets": [0, 12]}}),
    "an unknown type": whole(tensor(dtype="F31")),
    "a complex type": whole(tensor(dtype="C64", data_offsets=[0, 24]), values=bytes(24)),
    "eight bits": whole(tensor(dtype="F8_E4M3", data_offsets=[0, 3]), values=bytes(3)),
    "a type that is a list": whole(tensor(dtype=["F32"])),
    "a negative shape": whole(tensor(shape=[-3])),
    "a shape that overflows": whole(tensor(shape=[2**32, 2**32, 2**32])),
    "a shape that overflows to three": whole(tensor(shape=[2**64 + 3])),
    "a shape of fractions": whole(tensor(shape=[3.0])),
    "a shape of truth": whole(tensor(shape=[True, 3])),
    "a shape that is a number": whole(tensor(shape=3)),
    "a shape of a thousand dimensions": whole(tensor(shape=[3] + [1] * 1000)),
    "a larger shape": whole(tensor(shape=[4])),
    "a smaller shape": whole(tensor(shape=[2])),
    "no place": whole(tensor(data_offsets=[])),
    "half a place": whole(tensor(data_offsets=[0])),
    "a place that ends before it begins": whole(tensor(data_offsets=[12, 0])),
    "a negative place": whole(tensor(data_offsets=[-12, 0])),
    "a place beyond the end": whole(tensor(data_offsets=[12, 24])),
    "a far place": whole(tensor(data_offsets=[2**62, 2**62 + 12])),
    "a place of text": whole(tensor(data_offsets=["0", "12"])),
    "tensors over one another": whole(two(data_offsets=[0, 6])),
    "tensors partly over one another": whole(two(data_offsets=[4, 10])),
    "a gap between tensors": whole(two(data_offsets=[8, 14]), values=bytes(14)),
    "bytes of no tensor": whole(tensor(), values=VALUES + b"more"),
    "bytes that are missing": whole(tensor(), values=VALUES[:-1]),
    "a name of two lines": whole(SOUND | {"a\nb": A}),
    "a name of a hundred thousand letters": whole(SOUND | {"a" * 10**5: A}),
    "nan as a weight": whole(tensor(), values=struct.pack("<3f", 1, float("nan"), 3)),
    "whole numbers as weights": whole(tensor(dtype="I32")),
    "ten thousand tensors": whole(
        SOUND | {f"a{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(10_000)}, b""
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_headers_that_lie(name: str, tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(FILES[name])
    refused(lambda: Checkpoint.load(path).build())


def test_what_these_tests_change_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(whole(tensor()))
    assert Checkpoint.load(path).state_dict["a"].tolist() == [1, 2, 3]
