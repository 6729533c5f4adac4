"""Reading checkpoint files that may come from anybody: nothing is executed, nothing believed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, ValidationError, field_validator
from torch import Tensor

from molbench.arguments import require_file
from molbench.errors import UserError, path_of, quoted
from molbench.spec.base import Spec
from molbench.training.safetensors_file import parse_json, read_safetensors
from molbench.training.torch_file import read_torch

FORMAT = "molbench-checkpoint"
VERSION = 1
#: Backbones of this field have a few million weights; a file beyond this is not one.
MAX_BYTES = 4 * 2**30
#: Characters of a configuration.
MAX_CONFIG = 10_000
#: Real numbers for weights, whole ones for what else a model keeps; no complex and no quantised ones.
_DTYPES = {
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool),
}
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
#: How often the bytes of a file may be named: copies of tied weights, and not a file that grows when read.
_COPIES = 4


class NamedConfig(Spec):
    """Name and configuration of a backbone, or of a method; None where there was none."""

    name: str | None = Field(max_length=100)
    config: dict[str, Any]

    @field_validator("config")
    @classmethod
    def _short(cls, config: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(config)) > MAX_CONFIG:
            raise ValueError(f"longer than the {MAX_CONFIG:,} characters that a configuration may have")
        return config


class Header(Spec):
    """All of a checkpoint file but the weights."""

    format: str
    version: int
    backbone: NamedConfig
    method: NamedConfig
    pretraining: dict[str, Any]
    environment: dict[str, Any]


def read_checkpoint(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Header and weights of a ``.pt`` or ``.safetensors`` file, every type and size checked.

    Raises:
        UserError: If the file is missing, damaged, too large, no checkpoint, or holds more than numbers.
    """
    if path.suffix == ".pt":
        content = content_of(path)
        if not isinstance(content, dict):
            raise UserError(f"{path}: holds a {type(content).__name__}, not a checkpoint")
        weights = content.pop("state_dict", None)
    else:
        content, weights = _safetensors(path)
    return _header(path, content), weights_of(path, weights)


def is_checkpoint(path: Path) -> bool:
    """Whether a file says that it is a checkpoint of this program, sound or not."""
    try:
        content = content_of(path) if path.suffix == ".pt" else _safetensors(path)[0]
    except UserError:
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def content_of(path: Path) -> Any:
    """What a file of ``torch.save`` holds: builtins and tensors.

    Raises:
        UserError: If the file is missing, damaged, too large, or holds or asks for more than that.
    """
    _check_size(path)
    try:
        return read_torch(path)
    except (ValueError, OSError, MemoryError) as error:
        raise UserError(f"{path}: {_reason(error)}") from error


def _safetensors(path: Path) -> tuple[dict[str, Any], Any]:
    _check_size(path)
    try:
        text, weights = read_safetensors(path)
        content = parse_json(text or "null")
    except (ValueError, OSError, MemoryError) as error:
        raise UserError(f"{path}: {_reason(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: plain weights; nothing in the file says of which backbone")
    return content, weights


def _check_size(path: Path) -> None:
    require_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES // 2**30} GiB: not a file of weights")


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    return (
        f"cannot be read: {error.strerror}" if isinstance(error, OSError) else f"damaged or refused: {error}"
    )


def _header(path: Path, content: dict[str, Any]) -> Header:
    if content.get("format") != FORMAT:
        raise UserError(f"{path}: no checkpoint of this program: 'format' is not '{FORMAT}'")
    if content.get("version") != VERSION:
        version = quoted(content.get("version"))
        raise UserError(f"{path}: format version {version}; this program reads {VERSION}")
    try:
        return Header.model_validate_json(json.dumps(content, allow_nan=False))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {path_of(first['loc'])}: {first['msg']}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: holds more than finite numbers, text and tensors: {error}") from None


def weights_of(path: Path, weights: Any) -> dict[str, Tensor]:
    """The state dict of a file, if it is nothing but dense tensors of real numbers under names.

    Raises:
        UserError: Naming what is wrong.
    """
    if not isinstance(weights, dict) or not weights:
        raise UserError(f"{path}: no weights: 'state_dict' is missing or empty")
    for name, value in weights.items():
        where = f"{path}: state_dict[{quoted(name)}]"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UserError(f"{where} is no name of a parameter")
        if not isinstance(value, Tensor):
            raise UserError(f"{where} is no dense tensor")
        if value.dtype not in _DTYPES or value.layout != torch.strided:
            raise UserError(f"{where} is no dense tensor of real numbers")
    if sum(value.nbytes for value in weights.values()) > _COPIES * path.stat().st_size:
        raise UserError(f"{path}: its tensors name the same bytes again and again")
    for name, value in weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UserError(f"{path}: state_dict[{quoted(name)}] holds values that are not finite")
    return weights
