"""Checkpoints that are sound files, and hold what no checkpoint should."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.training.checkpoint import Checkpoint, config_of
from tests.security.conftest import Refused

Weights = dict[str, Any]
CONFIG = {"width": 16, "interactions": 1}
FIRST = "filters.weight"


@cache
def backbone() -> tuple[dict[str, Any], dict[str, Tensor]]:
    built = build_backbone("painn", CONFIG)
    return config_of(built), {name: value.detach() for name, value in built.state_dict().items()}


def content(changes: dict[Any, Any] | None = None) -> dict[str, Any]:
    config, weights = backbone()
    return {
        "format": "molbench-checkpoint",
        "version": 1,
        "backbone": {"name": "painn", "config": config},
        "method": {"name": None, "config": {}},
        "pretraining": {},
        "environment": {},
        "state_dict": {name: value.clone() for name, value in weights.items()},
    } | (changes or {})


def changed(change: Callable[[Tensor], Any]) -> Callable[[Weights], Weights]:
    """The weights with the first of them changed."""
    return lambda weights: weights | {FIRST: change(weights[FIRST])}


def renamed(name: Any) -> Callable[[Weights], Weights]:
    return lambda weights: weights | {name: torch.ones(1)}


def with_value(value: float, dtype: torch.dtype = torch.float32) -> Callable[[Weights], Weights]:
    return changed(lambda tensor: torch.full(tensor.shape, value, dtype=dtype))


def copies(weights: Weights) -> Weights:
    block = torch.ones(10**6)
    return {f"copy.{number}": block for number in range(1000)}


WEIGHTS: dict[str, Callable[[Weights], Any]] = {
    "none": lambda weights: None,
    "a list": lambda weights: list(weights.values()),
    "one tensor": lambda weights: weights[FIRST],
    "no tensor": lambda weights: {},
    "nan": with_value(math.nan),
    "infinite": with_value(math.inf),
    "minus infinite": with_value(-math.inf),
    "nan in half precision": with_value(math.nan, torch.float16),
    "nan in bfloat16": with_value(math.nan, torch.bfloat16),
    "infinite once cast": with_value(1e300, torch.float64),
    "minus infinite once cast": with_value(-1e39, torch.float64),
    "whole numbers": with_value(1, torch.int64),
    "short whole numbers": with_value(1, torch.int16),
    "bytes": with_value(1, torch.uint8),
    "truth": with_value(1, torch.bool),
    "complex": with_value(1, torch.complex64),
    "complex doubles": with_value(1, torch.complex128),
    "eight bits": with_value(1, torch.float8_e4m3fn),
    "quantised": changed(lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)),
    "sparse": changed(lambda tensor: tensor.to_sparse()),
    "sparse rows": changed(lambda tensor: tensor.to_sparse_csr()),
    "nested": changed(lambda tensor: torch.nested.nested_tensor([tensor, tensor])),
    "on no device": changed(lambda tensor: tensor.to("meta")),
    "expanded": changed(lambda tensor: torch.ones(1).expand(10**9)),
    "conjugated": changed(lambda tensor: torch.ones(2, dtype=torch.complex64).conj()),
    "a number": changed(lambda tensor: 1.0),
    "text": changed(lambda tensor: "weights"),
    "a dict": changed(lambda tensor: {"weight": tensor}),
    "nothing": changed(lambda tensor: None),
    "transposed": changed(lambda tensor: tensor.t()),
    "without dimensions": changed(lambda tensor: tensor.sum()),
    "without values": changed(lambda tensor: tensor[:0]),
    "one missing": lambda weights: {name: value for name, value in weights.items() if name != FIRST},
    "one more": renamed("filters.wait"),
    "a name of two lines": renamed("a\nb"),
    "a name that colours": renamed("\x1b[31ma"),
    "a name from right to left": renamed("\u202ea"),
    "a name of a million letters": renamed("a" * 10**6),
    "no name": renamed(""),
    "a number as a name": renamed(3),
    "a thousand copies": copies,
}
DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]
HEADERS: dict[str, dict[str, Any]] = {
    "another format": {"format": "other"},
    "a format that is a list": {"format": ["molbench-checkpoint"]},
    "a later version": {"version": 2},
    "a version that is text": {"version": "1"},
    "a version that is not finite": {"version": math.nan},
    "an enormous version": {"version": 10**60},
    "no backbone": {"backbone": None},
    "a backbone that is text": {"backbone": "painn"},
    "a backbone without a name": {"backbone": {"config": {}}},
    "a name that is none": {"backbone": {"name": None, "config": {}}},
    "a name that is a number": {"backbone": {"name": 3, "config": {}}},
    "an unknown name": {"backbone": {"name": "resnet", "config": {}}},
    "a name of two lines": {"backbone": {"name": "pai\nnn", "config": {}}},
    "a name that colours": {"backbone": {"name": "\x1b[31mpainn", "config": {}}},
    "a name from right to left": {"backbone": {"name": "\u202epainn", "config": {}}},
    "half a character": {"backbone": {"name": "\ud800", "config": {}}},
    "a name that is a path": {"backbone": {"name": "../../painn", "config": {}}},
    "a name that is a module": {"backbone": {"name": "os:system", "config": {}}},
    "a name of a million letters": {"backbone": {"name": "a" * 10**6, "config": {}}},
    "settings that are a list": {"backbone": {"name": "painn", "config": []}},
    "an unknown setting": {"backbone": {"name": "painn", "config": {"depth": 1}}},
    "a setting of two lines": {"backbone": {"name": "painn", "config": {"a\nb": 1}}},
    "a setting that is nan": {"backbone": {"name": "painn", "config": {"cutoff": math.nan}}},
    "a setting that is infinite": {"backbone": {"name": "painn", "config": {"cutoff": math.inf}}},
    "a million settings": {"backbone": {"name": "painn", "config": {str(n): n for n in range(20_000)}}},
    "a setting of a million values": {"backbone": {"name": "painn", "config": {"width": [0] * 90_000}}},
    "a setting of a million letters": {"backbone": {"name": "painn", "config": {"readout": "a" * 10**6}}},
    "deep settings": {"backbone": {"name": "painn", "config": {"width": DEEP}}},
    "one key more": {"surprise": 1},
    "a key of two lines": {"a\nb": 1},
    "a key that colours": {"\x1b[31m": 1},
    "a key of a million letters": {"a" * 10**6: 1},
    "a number as a key": {3: 1},
    "a method that is text": {"method": "coord"},
    "a method with more": {"method": {"name": None, "config": {}, "code": "x"}},
    "provenance that is a list": {"pretraining": []},
    "deep provenance": {"pretraining": {"stages": DEEP}},
    "provenance without end": {"pretraining": {"stages": [{}] * 200_000}},
    "bytes": {"pretraining": {"a": b"bytes"}},
    "a tensor": {"environment": {"a": torch.ones(1)}},
    "an environment of text": {"environment": "here"},
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_none(name: str, tmp_path: Path, refused: Refused) -> None:
    torch.save(content({"state_dict": WEIGHTS[name](content()["state_dict"])}), tmp_path / "c.pt")
    refused(lambda: Checkpoint.load(tmp_path / "c.pt").build())


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_are_none(name: str, tmp_path: Path, refused: Refused) -> None:
    torch.save(content(HEADERS[name]), tmp_path / "c.pt")
    refused(lambda: Checkpoint.load(tmp_path / "c.pt").build())


JSON = {name: change for name, change in HEADERS.items() if name not in {"bytes", "a tensor"}}


@pytest.mark.parametrize("name", JSON)
def test_headers_of_safetensors(name: str, tmp_path: Path, refused: Refused) -> None:
    from safetensors.torch import save_file

    header = content(HEADERS[name])
    weights = header.pop("state_dict")
    save_file(weights, tmp_path / "c.safetensors", metadata={"molbench": json.dumps(header)})
    refused(lambda: Checkpoint.load(tmp_path / "c.safetensors").build())


def test_what_is_kept_beside_weights_must_be_whole_where_it_is(tmp_path: Path, refused: Refused) -> None:
    built = build_backbone("cgib")
    weights = {name: value.detach() for name, value in built.state_dict().items()}
    (counter,) = {name for name, value in weights.items() if not value.is_floating_point()} or {""}
    part = {"name": "cgib", "config": config_of(built)}
    weights[counter] = weights[counter].float()
    torch.save(content({"backbone": part, "state_dict": weights}), tmp_path / "c.pt")
    assert "where the backbone has torch.int64" in refused(lambda: Checkpoint.load(tmp_path / "c.pt").build())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_other_precisions_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    weights = {name: value.to(dtype) for name, value in content()["state_dict"].items()}
    torch.save(content({"state_dict": weights}), tmp_path / "c.pt")
    assert Checkpoint.load(tmp_path / "c.pt").build().width == CONFIG["width"]
