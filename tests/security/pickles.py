"""Pickles written instruction by instruction, as no honest program would."""

from __future__ import annotations

import struct

PROTO, STOP, MARK = b"\x80\x02", b".", b"("


def text(value: str | bytes) -> bytes:
    """A string."""
    value = value.encode() if isinstance(value, str) else value
    return b"X" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    """A whole number."""
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def many(*values: bytes) -> bytes:
    """A tuple."""
    return MARK + b"".join(values) + b"t"


def named(name: str) -> bytes:
    """A class or function."""
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def called(name: str, *arguments: bytes) -> bytes:
    """What a call of it returns."""
    return named(name) + many(*arguments) + b"R"


def mapping(**entries: bytes) -> bytes:
    """A dict."""
    return b"}" + MARK + b"".join(text(key) + value for key, value in entries.items()) + b"u"


def storage(key: bytes = text("0"), kind: str = "torch.FloatStorage", count: bytes = number(3)) -> bytes:
    """Where the values of a tensor are; the archives of these tests hold three floats under ``0``."""
    return many(text("storage"), named(kind), key, text("cpu"), count) + b"Q"


def tensor(
    values: bytes | None = None,
    offset: bytes = number(0),
    shape: bytes | None = None,
    stride: bytes | None = None,
) -> bytes:
    """A tensor of three floats."""
    return called(
        "torch._utils._rebuild_tensor_v2",
        storage() if values is None else values,
        offset,
        many(number(3)) if shape is None else shape,
        many(number(1)) if stride is None else stride,
        b"\x89",
        called("collections.OrderedDict"),
    )


def checkpoint(**changes: bytes) -> bytes:
    """All of a checkpoint, parts of it replaced."""
    part = mapping(name=text("painn"), config=b"}")
    entries = {
        "format": text("molbench-checkpoint"),
        "version": number(1),
        "backbone": part,
        "method": mapping(name=b"N", config=b"}"),
        "pretraining": b"}",
        "environment": b"}",
        "state_dict": b"}" + MARK + text("a") + tensor() + b"u",
    }
    return PROTO + mapping(**entries | changes) + STOP
