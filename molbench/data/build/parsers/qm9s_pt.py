"""QM9S as PyTorch Geometric objects: DetaNet's ``qm9s.pt`` and the processed file of MolSpectra.

Both are pickles. They are read with ``torch.load(weights_only=True)``, and the few classes of PyTorch
Geometric that may appear are replaced by inert ones that only keep what they are given: no code but PyTorch's
own runs, PyTorch Geometric is not imported, and files of its old versions can be read.
"""

import re
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.qm9 import parse_id
from molbench.data.build.parsers.qm9s import (
    CHUNK_MOLECULES,
    GRIDS,
    SECOND_RANK,
    THIRD_RANK,
    tensor_schema,
    with_spectra,
)
from molbench.data.build.parsers.torch_archive import Archive
from molbench.errors import UserError, error_line

_SYMMETRY = 1e-3
#: Some fifteen tensors a molecule, each an entry of the archive, whose header takes some hundred bytes.
_MAX_ENTRIES, _MAX_HEADERS = 4_000_000, 2**30
_lock = threading.Lock()


class _Inert:
    """Stands for a class of PyTorch Geometric; keeps the attributes that a pickle sets."""


def _plain(*_: object) -> dict[Any, Any]:
    """Stands for ``defaultdict``, whose default is never needed."""
    return {}


_ALLOWED: list[Any] = [
    (_Inert, "torch_geometric.data.data.Data"),
    (_Inert, "torch_geometric.data.data.DataEdgeAttr"),
    (_Inert, "torch_geometric.data.data.DataTensorAttr"),
    (_Inert, "torch_geometric.data.storage.GlobalStorage"),
    (_plain, "collections.defaultdict"),
    (dict, "builtins.dict"),
]


_file = partial(only_file, suffixes=(".pt",), what="the file qm9s.pt or data_with_uv_ir_raman.pt")


@dataclass(frozen=True)
class Qm9sPt(Parser):
    """One of the two files.

    Attributes:
        layout: Whose file it is. ``detanet``: a list of molecules with the quantities of `qm9s_csv.Qm9sCsv`;
            record ``qm9s_n`` is the n-th of the list, ``number`` in the file is that of QM9. Every object of
            the list is in memory at once. ``molspectra``: one object for all molecules, with their spectra
            and no other quantity; records are called ``gdb_n`` as in QM9, for the molecules that QM9 does not
            have any more were left out of the file.
    """

    name = "qm9s-pt"
    layout: Literal["detanet", "molspectra"]

    def schema(self) -> pa.Schema:
        """Identity, structure, and the quantities or the spectra."""
        if self.layout == "detanet":
            return tensor_schema()
        return with_spectra(record_schema("smiles").append(pa.field("qm9_number", pa.int64())))

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of molecules; a list is read by one process, for each would need all of it."""
        total = len(_molecules(_file(files), self.layout))
        return even_bounds(total, count if self.layout == "molspectra" else 1)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of molecules."""
        path = _file(shard.files)
        molecules = _molecules(path, self.layout)
        chunk = Collector(self.schema(), CHUNK_MOLECULES)
        for at in range(shard.start, shard.stop):
            identifier, where = f"qm9s_{at + 1}", f"{path.name}, molecule {at + 1:,}"
            with chunk.record(identifier, where):
                molecule = molecules[at]
                chunk.add(molecule.pop("id", identifier), where, **molecule)
            yield from chunk.when_full()
        yield chunk.take()


def load_torch_file(path: Path) -> Any:
    """The content of a PyTorch file, made of plain containers, tensors and inert objects.

    Raises:
        UserError: If it is damaged, or names a class or function that is not among the few allowed.
    """
    import torch
    from torch import serialization

    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with _lock:  # the list of what is allowed is global, and nothing but ours may be on it
        before = serialization.get_safe_globals()
        serialization.clear_safe_globals()
        serialization.add_safe_globals(_ALLOWED)
        try:
            # Mapped into memory: only what is read of the tensors is ever loaded. A file from before
            # PyTorch 1.6 is one pickle, in which nothing is compressed and no tensor longer than the rest.
            if mapped := zipfile.is_zipfile(path):
                with path.open("rb") as file:
                    Archive(file, entries=_MAX_ENTRIES, headers=_MAX_HEADERS).verify()
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        except Exception as error:  # PyTorch documents no set of exceptions for damaged files
            match = re.search(r"GLOBAL (\S+)", str(error))
            if match:
                raise UserError(
                    f"{path}: refused, because the pickle in it wants {match[1]}, which no published file "
                    "of QM9S needs; loading it could run any code"
                ) from error
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(f"{path}: not an undamaged PyTorch file: {reason}") from error
        finally:
            serialization.clear_safe_globals()
            serialization.add_safe_globals(before)


class ListOfMolecules(Sequence[dict[str, Any]]):
    """DetaNet's list, seen as columns of records."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, at: Any) -> Any:
        """Columns of one molecule; ``ValueError`` if something is missing or of another shape."""
        entry = _attributes(self._entries[at])
        numbers = _whole_numbers(entry, "z")
        n = len(numbers)
        smiles = _text(entry, "smile")
        molecule = {
            "smiles": smiles,
            "qm9_number": _whole_numbers(entry, "number")[0],
            "atomic_numbers": numbers,
            "positions": _floats(entry, "pos", n * 3).tolist(),
            "energy": float(_floats(entry, "energy", 1)[0]),
            "charges": _floats(entry, "npacharge", n).tolist(),
            "dipole": _floats(entry, "dipole", 3),
            "quadrupole": _symmetric(entry, "quadrupole", SECOND_RANK),
            "octupole": _symmetric(entry, "octapole", THIRD_RANK),
            "polarizability": _symmetric(entry, "polar", SECOND_RANK),
            "hyperpolarizability": _symmetric(entry, "hyperpolar", THIRD_RANK),
            "excitation_energies": _floats(entry, "tran_energy", 10),
            "transition_dipoles": _floats(entry, "tran_dipole", 30),
            "dipole_derivatives": _floats(entry, "dedipole", n * 9).reshape(n, 9),
            "polarizability_derivatives": _floats(entry, "depolar", n * 18).reshape(n, 18),
        }
        if missing_hydrogens(smiles, numbers):
            raise ValueError(f"the SMILES {smiles[:60]!r} has another number of hydrogens than the structure")
        return molecule


class CollatedMolecules(Sequence[dict[str, Any]]):
    """MolSpectra's one object, cut into molecules by the offsets that are stored with it."""

    def __init__(self, path: Path, data: Any, slices: Any) -> None:
        self._data, self._slices = _attributes(data), slices
        needed = ("z", "pos", "name", *GRIDS)
        if missing := [name for name in needed if name not in self._data or name not in slices]:
            raise UserError(f"{path}: no attribute {', '.join(missing)}; it has: {', '.join(self._data)}")
        counts = {name: len(slices[name]) - 1 for name in needed}
        if len(set(counts.values())) > 1:
            counted = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            raise UserError(f"{path}: its attributes are of different numbers of molecules: {counted}")
        self._count = counts["z"]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:
        """Columns of one molecule; ``ValueError`` if something is missing or of another shape."""
        part = {}
        for name in ("z", "pos", "name", "smiles", *GRIDS):
            if name in self._data and name in self._slices:
                try:
                    start, stop = (int(bound) for bound in self._slices[name][at : at + 2])
                    part[name] = self._data[name][start:stop]
                except (TypeError, IndexError, RuntimeError, OverflowError) as error:
                    raise ValueError(f"{name} cannot be cut into molecules: {error_line(error)}") from error
        numbers = _whole_numbers(part, "z")
        name = _text(part, "name")
        return {
            "id": name,
            "qm9_number": parse_id(name),
            "smiles": _text(part, "smiles") if "smiles" in part else None,
            "atomic_numbers": numbers,
            "positions": _floats(part, "pos", len(numbers) * 3).tolist(),
            **{spectrum: _floats(part, spectrum, grid.points) for spectrum, grid in GRIDS.items()},
        }


def _molecules(path: Path, layout: str) -> Sequence[dict[str, Any]]:
    content = load_torch_file(path)
    try:
        if layout == "detanet" and isinstance(content, list) and content:
            return ListOfMolecules(content)
        if layout == "molspectra" and isinstance(content, tuple) and len(content) >= 2:
            return CollatedMolecules(path, content[0], content[1])
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not laid out as {layout}: {error_line(error)}") from error
    raise UserError(f"{path}: a {type(content).__name__}, not the content of a file of layout '{layout}'")


def _attributes(entry: Any) -> dict[str, Any]:
    """Attributes of a ``Data`` object of any version, or of the plain dict that newer versions store."""
    if isinstance(entry, dict):
        return entry
    if not isinstance(entry, _Inert):
        raise ValueError(f"a {type(entry).__name__} where a molecule should be")
    store = vars(entry).get("_store", entry)
    attributes = vars(store).get("_mapping", vars(store)) if isinstance(store, _Inert) else store
    if not isinstance(attributes, dict):
        raise ValueError("a molecule without attributes")
    return attributes


def _array(entry: Mapping[str, Any], name: str) -> np.ndarray:
    import torch

    value = entry.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return np.array([value])
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"{name} is missing" if value is None else f"{name} is no tensor")
    try:
        return np.asarray(value.detach().cpu().numpy())
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{name} is not a plain tensor: {error_line(error)}") from error


def _floats(entry: Mapping[str, Any], name: str, count: int) -> np.ndarray:
    """All numbers of a tensor in a row, [count] float64."""
    values = _array(entry, name)
    if values.size != count or values.dtype.kind not in "fiu":
        raise ValueError(f"{name} is {values.dtype} of shape {values.shape}, expected {count} numbers")
    with np.errstate(invalid="ignore"):  # a damaged number is found when the record is stored
        return values.astype(np.float64).ravel()


def _whole_numbers(entry: Mapping[str, Any], name: str) -> list[int]:
    values = _array(entry, name).ravel()
    if values.dtype.kind not in "iu" or values.size == 0:
        raise ValueError(f"{name} is not made of whole numbers")
    if name == "z" and not ((values >= 1) & (values <= 118)).all():
        raise ValueError("z holds something that is no element")
    return [int(value) for value in values]


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not value.isascii():
        raise ValueError(f"{name} is not a text of ASCII characters")
    return value


def _symmetric(entry: Mapping[str, Any], name: str, places: tuple[np.ndarray, ...]) -> np.ndarray:
    """Independent components of a tensor, which must be symmetric under every exchange of its indices."""
    rank = len(places)
    tensor = _floats(entry, name, 3**rank).reshape((3,) * rank)
    for axis in range(1, rank):
        if not np.allclose(tensor, tensor.swapaxes(0, axis), rtol=_SYMMETRY, atol=_SYMMETRY):
            raise ValueError(f"{name} is not symmetric")
    return np.asarray(tensor[places])
