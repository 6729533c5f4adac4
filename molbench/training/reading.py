"""Reading checkpoint files that may come from anybody: nothing is executed, nothing believed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from molbench.errors import UserError
from molbench.spec.base import Spec

FORMAT = "molbench-checkpoint"
VERSION = 1
#: Backbones of this field have a few million weights; a file beyond this is not one.
MAX_BYTES = 4 * 2**30


class Part(Spec):
    """Name and configuration of a backbone, or of a method; None where there was none."""

    name: str | None
    config: dict[str, Any]


class Header(Spec):
    """All of a checkpoint file but the weights."""

    format: str
    version: int
    backbone: Part
    method: Part
    pretraining: dict[str, Any]
    environment: dict[str, Any]


def read(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Header and weights of a ``.pt`` or ``.safetensors`` file, every type and size checked.

    Raises:
        UserError: If the file is missing, damaged, too large, no checkpoint, or asks for code to be run.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES // 2**30} GiB: not a checkpoint")
    content, weights = _read_torch(path) if path.suffix == ".pt" else _read_safetensors(path)
    return _header(path, content), weights_of(path, weights)


def _read_torch(path: Path) -> tuple[dict[str, Any], Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [entry.filename for entry in archive.infolist() if entry.compress_type]
    except (zipfile.BadZipFile, OSError):
        raise UserError(f"{path}: truncated, or not written by torch.save: no zip archive") from None
    if packed:
        # torch.save stores its entries as they are; a compressed one may unpack to any size.
        raise UserError(f"{path}: '{packed[0]}' is compressed, which no checkpoint is")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(f"{path}: {refusal(path, error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, not a checkpoint")
    return content, content.pop("state_dict", None)


def refusal(path: Path, error: Exception) -> str:
    """Why a file was not read; the names it asks for are read off the pickle without executing it."""
    try:
        wanted = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001 - a hostile pickle may break the reading of names in any way
        wanted = []
    if wanted:
        return f"not only weights: loading it would call {', '.join(wanted)}. Nothing was executed"
    return f"damaged, or more than tensors and builtins: {error}"


def _read_safetensors(path: Path) -> tuple[dict[str, Any], Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            content = json.loads((file.metadata() or {}).get("molbench", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: plain weights; nothing in the file says of which backbone")
    return content, weights


def _header(path: Path, content: dict[str, Any]) -> Header:
    if content.get("format") != FORMAT:
        raise UserError(f"{path}: no checkpoint of this program: 'format' is not '{FORMAT}'")
    if content.get("version") != VERSION:
        raise UserError(f"{path}: format version {content.get('version')}; this program reads {VERSION}")
    try:
        return Header.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: holds more than tensors and builtins: {error}") from None


def weights_of(path: Path, weights: Any) -> dict[str, Tensor]:
    """The state dict of a file, if it is nothing but dense tensors under names.

    Raises:
        UserError: Naming what is wrong.
    """
    if not isinstance(weights, dict) or not weights:
        raise UserError(f"{path}: no weights: 'state_dict' is missing or empty")
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout != torch.strided:
            raise UserError(f"{path}: state_dict['{name}'] is no dense tensor")
        # A view with stride 0 would grow to any size once it is copied.
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(f"{path}: state_dict['{name}'] claims more values than the file holds")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise UserError(f"{path}: state_dict['{name}'] holds values that are not finite")
    return {name: value.detach() for name, value in weights.items()}
