"""What tells one model of somebody else's from another: its code, and the plain data that it holds.

Weights are not all that a score depends on: a cutoff is often an attribute, a scale a constant of the file.
Code is followed from a function or class to the functions, classes and constants of its own module that it
uses. What lies further away, such as a file that is read or another package, is not seen; nor are lists and
dicts around a function, where many keep what they have computed already.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

#: Attributes that every module has, or that change no score.
_COMMON = frozenset({*vars(nn.Module()), "limits"})
_LIBRARIES = ("torch.", "molbench.", "builtins", "abc", "typing")
_DEEPEST = 8


def identity(thing: Any) -> str:
    """SHA-256 of a function's, object's or module's code and data: equal where these are."""
    hasher = sha256()
    for line in _Walk().of(thing):
        hasher.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return hasher.hexdigest()


class _Walk:
    """One way through what hangs together, everything visited once."""

    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}

    def of(self, value: Any, depth: int = 0) -> Iterator[str]:
        """Lines that say what a value is."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            yield repr(value)
        elif isinstance(value, Tensor | np.ndarray):
            yield _numbers(value)
        elif id(value) in self._seen or depth > _DEEPEST:
            yield "again"
        else:
            self._seen[id(value)] = value  # kept, so that nothing else gets its address
            yield from self._inside(value, depth + 1)

    def _inside(self, value: Any, depth: int) -> Iterator[str]:
        if isinstance(value, MethodType):
            yield from self.of(value.__self__, depth)
            yield value.__name__
        elif isinstance(value, partial):
            yield from self.of([value.func, value.args, value.keywords], depth)
        elif isinstance(value, BuiltinFunctionType | Enum | torch.dtype | torch.device):
            yield getattr(value, "__qualname__", None) or repr(value)
        elif isinstance(value, FunctionType):
            yield from self._function(value, depth)
        elif isinstance(value, type):
            yield from self._class(value, depth)
        elif isinstance(value, nn.Module):
            yield from self._module(value, depth)
        elif isinstance(value, Mapping):
            yield from self._named({repr(key): item for key, item in value.items()}, depth)
        elif isinstance(value, list | tuple):
            yield f"{len(value)} items"
            for item in value:
                yield from self.of(item, depth)
        elif isinstance(value, set | frozenset):
            yield f"{sorted(map(repr, value))}"
        else:
            yield from self.of(type(value), depth)
            if is_dataclass(value):
                yield from self._named({f.name: getattr(value, f.name, None) for f in fields(value)}, depth)
            elif isinstance(value, SimpleNamespace) or callable(value) or hasattr(value, "encode"):
                yield from self._named(getattr(value, "__dict__", {}), depth)

    def _named(self, values: Mapping[str, Any], depth: int) -> Iterator[str]:
        for name in sorted(values):
            yield name
            yield from self.of(values[name], depth)

    def _module(self, module: nn.Module, depth: int) -> Iterator[str]:
        for name, part in module.named_modules():
            yield f"{name}: {type(part).__module__}.{type(part).__qualname__}"
            yield from self.of(type(part), depth)
            attributes = {key: value for key, value in vars(part).items() if key not in _COMMON}
            yield from self._named(attributes, depth)
            weights = {
                **dict(part.named_parameters(recurse=False)),
                **dict(part.named_buffers(recurse=False)),
            }
            yield from self._named(weights, depth)

    def _class(self, kind: type, depth: int) -> Iterator[str]:
        for base in kind.__mro__:
            if not f"{base.__module__}.".startswith(_LIBRARIES):
                yield f"{base.__qualname__}\n{_source(base)}"
                for name in sorted(vars(base)):
                    if isinstance(method := vars(base)[name], FunctionType):
                        yield from self._used(method, depth)

    def _function(self, function: FunctionType, depth: int) -> Iterator[str]:
        yield _source(function)
        yield from self._used(function, depth)
        yield from self.of(function.__defaults__, depth)

    def _used(self, function: FunctionType, depth: int) -> Iterator[str]:
        """What a function takes from around it and from its own module."""
        names = _names(function.__code__) & function.__globals__.keys()
        around = {name: function.__globals__[name] for name in names}
        used = {name: value for name, value in around.items() if _is_of(function, value)}
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        enclosed = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
        enclosed = {name: value for name, value in enclosed.items() if not isinstance(value, dict | list)}
        yield from self._named(used | enclosed, depth)


def _is_of(function: FunctionType, value: Any) -> bool:
    """Whether something that a function finds in its module was made there, and does not change."""
    if isinstance(value, FunctionType | type):
        return value.__module__ == function.__module__
    return value is None or isinstance(value, bool | int | float | str | tuple | np.ndarray | Tensor)


def _names(code: CodeType) -> set[str]:
    """Names that code asks for, and the functions inside of it."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)


def _source(thing: FunctionType | type) -> str:
    """Its text; what was made at a prompt has none, but bytecode."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        functions = [thing] if isinstance(thing, FunctionType) else vars(thing).values()
        return "".join(_bytecode(f.__code__) for f in functions if isinstance(f, FunctionType))


def _bytecode(code: CodeType) -> str:
    constants = (_bytecode(item) if isinstance(item, CodeType) else repr(item) for item in code.co_consts)
    return f"{code.co_code.hex()} {code.co_names} {' '.join(constants)}\n"


def _numbers(values: Tensor | np.ndarray) -> str:
    if isinstance(values, Tensor):
        whole = values.detach().cpu().contiguous()
        content = whole.view(-1).view(torch.uint8).numpy().tobytes()
        return f"{whole.dtype} {tuple(whole.shape)} {sha256(content).hexdigest()}"
    if values.dtype.hasobject:
        return f"{values.dtype} {values.shape} {values.tolist()!r}"
    return f"{values.dtype} {values.shape} {sha256(np.ascontiguousarray(values).tobytes()).hexdigest()}"
