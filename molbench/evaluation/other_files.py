"""Files and folders that plainly are no checkpoint, told by their first bytes and names."""

from __future__ import annotations

import os
import struct
import zipfile
from itertools import islice
from pathlib import Path

#: What scores a model that is no file of this program.
OWN_MODEL = (
    "score it in Python, `molbench.evaluate(model, tasks=[…])`, or by a file with a function that makes it, "
    "`molbench evaluate --model FILE.py:FUNCTION --trust-code`"
)
#: Suffixes of tables of vectors.
TABLES = (".parquet", ".npz")
_RECORDS = {".xyz", ".extxyz", ".sdf", ".mol", ".db"}
_WEIGHTS = (".pt", ".safetensors")
#: First bytes of gzip, bzip2, xz, 7-Zip, Zstandard.
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
_START = 512
#: Folders that are looked into for results, before a large tree is taken for something else.
_LOOKED_INTO = 1000


def other_thing(path: Path) -> str | None:
    """What a path is and the command that would work, in one sentence; None where it may be a checkpoint."""
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".py":
        return (
            f"it holds code: `molbench evaluate --model {path}:FUNCTION --trust-code` runs what makes a model"
        )
    if path.suffix == ".csv":
        return (
            f"a text table: `molbench score {path} --name NAME` scores predictions; vectors are handed in as "
            "*.parquet or *.npz"
        )
    if path.suffix in _RECORDS:
        return f"it holds records: `molbench data import {path} --name NAME` makes them a dataset"
    return _content(path)


def _folder(path: Path) -> str:
    if (path / "config.json").is_file():
        return f"a folder of a Hugging Face model: {OWN_MODEL}"
    if any("result.json" in files for _, _, files in islice(os.walk(path), _LOOKED_INTO)):
        return f"a folder of results: `molbench compare {path} OTHER` and `molbench plot {path}` read these"
    if inside := sorted(file for file in path.iterdir() if file.suffix in _WEIGHTS):
        return f"is a folder, not a checkpoint: `molbench evaluate {inside[0]}` scores one in it"
    return "is a folder, not a checkpoint"


def _content(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(_START)
    if not start:
        return "an empty file: it is not what was written: copy it again, or make it again"
    if path.suffix == ".onnx":
        return f"an ONNX graph: {OWN_MODEL}"
    if zipfile.is_zipfile(path):
        return _archive(path)
    if start.startswith(_PACKED) or start[257:262] == b"ustar":
        return "a packed archive: unpack it, and name the checkpoint in it"
    if _is_text(start):
        return f"a text file, which holds no weights; a model of your own is told by code: {OWN_MODEL}"
    return None


def _archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        # What a forged directory raises, of lengths, places and versions; whoever reads the weights names it.
        return None
    if any(name.endswith("/constants.pkl") for name in names):
        return f"a TorchScript module, which `torch.jit.load` reads: {OWN_MODEL}"
    if not any(name.endswith("data.pkl") for name in names):
        return "an archive of other files: unpack it, and name the checkpoint in it"
    return None


def _is_text(start: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in start) and not start.startswith(b"\x80")
