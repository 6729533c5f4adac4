"""Selections and splits of GEOM that other works have published, by GEOM's own names of the molecules."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.geom_archive import ArchiveEntry, geom_folder, summary
from molbench.data.build.parsers.npz import open_npz
from molbench.data.build.parsers.restricted_pickle import Call, load_pickle
from molbench.data.build.splits.assign import splitter
from molbench.errors import UserError

_ARRAY = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
_GLOBALS = _ARRAY | {"numpy.ndarray", "numpy.dtype"}


@splitter("emgp")
def emgp(
    keys: pa.Table,
    *,
    molecules: str,
    excluded: str,
    conformers: int,
    held_out: int,
    seed: int,
    weight: str,
    listed: str,
    files: Mapping[str, Path],
    **_: Any,
) -> np.ndarray:
    """The selection of 3D-EMGP.

    Of the molecules in the order of the summary, those on the list of excluded ones are taken out, the others
    shuffled, and the first ``held_out`` validate. Of each molecule the heaviest ``conformers`` are used, at
    most as many as the summary gives; one with fewer in its pickle than in the summary is left out.
    The excluded ones, which are those of the downstream test, are the test split here.

    One departure: conformers whose bonds are not the molecule's are not among the records, unless the dataset
    was built with ``graph: any``.

    Args:
        keys: Needs ``group``, ``weight`` and ``listed``.
        molecules: ``qm9`` or ``drugs``.
        excluded: Source key of a file with one GEOM SMILES string a line.
        conformers: Conformers of a molecule.
        held_out: Molecules that validate.
        seed: Seed of the shuffle.
        weight: Column of Boltzmann weights.
        listed: Column of the number of conformers in the pickle.
        files: Local path of each source.

    Raises:
        UserError: If a file is missing.

    References:
        Jiao, Han, Huang, Rong and Liu, AAAI 2023; the order of the draws is that of its public code.
    """
    test = _lines(excluded, files)
    quotas = {
        entry.smiles: entry.unique
        for entry in summary(geom_folder(files, molecules), molecules)
        if entry.pickle is not None and entry.unique and entry.unique >= 1 and entry.smiles not in test
    }
    order = list(quotas)
    random.Random(seed).shuffle(order)  # noqa: S311 - the draw of the paper
    label = dict.fromkeys(order[held_out:], "train") | dict.fromkeys(order[:held_out], "validation")
    counts = keys.column(listed).to_numpy(zero_copy_only=False)
    labels = np.full(len(keys), "unused", dtype="<U10")
    taken: dict[str, int] = {}
    for row, name in _heaviest_first(keys, weight):
        if name in test:
            labels[row] = "test"
        elif name in label and quotas[name] <= counts[row]:
            taken[name] = taken.get(name, 0) + 1
            if taken[name] <= min(quotas[name], conformers):
                labels[row] = label[name]
    return labels


@splitter("geomol")
def geomol(keys: pa.Table, *, molecules: str, index: str, files: Mapping[str, Path], **_: Any) -> np.ndarray:
    """GeoMol's split: places in the sorted list of all pickles.

    Args:
        keys: Needs ``group``.
        molecules: ``qm9`` or ``drugs``.
        index: Source key of ``split0.npy`` as published, or of an ``.npz`` of ``train``, ``val``, ``test``.
        files: Local path of each source.

    Raises:
        UserError: If the index is missing, malformed or made for another number of pickles.

    References:
        Ganea, Pattanaik et al., GeoMol, NeurIPS 2021.
    """
    if index not in files:
        raise UserError(f"index file '{index}' is not among the sources")
    lists = _index(files[index])
    entries = [e for e in summary(geom_folder(files, molecules), molecules) if e.pickle is not None]
    names = [entry.smiles for entry in sorted(entries, key=_file)]
    places = np.concatenate(lists)
    if np.unique(places).size != places.size or places.size != len(names) or places.max() >= len(names):
        raise UserError(
            f"{files[index]}: {places.size:,} places for {len(names):,} pickles: it was made for another list"
        )
    label = {
        names[i]: split
        for split, rows in zip(("train", "validation", "test"), lists, strict=True)
        for i in rows.tolist()
    }
    return np.array([label.get(name, "unused") for name in keys.column("group").to_pylist()], dtype="<U10")


def _heaviest_first(keys: pa.Table, weight: str) -> Iterator[tuple[int, str]]:
    """Rows and the molecules they belong to, by falling weight."""
    names = keys.column("group").to_pylist()
    order = np.argsort(-keys.column(weight).to_numpy(zero_copy_only=False), kind="stable")
    return ((row, names[row]) for row in order.tolist())


def _file(entry: ArchiveEntry) -> str:
    return str(entry.pickle).rpartition("/")[2]


def _lines(key: str, files: Mapping[str, Path]) -> frozenset[str]:
    if key not in files:
        raise UserError(f"the list '{key}' is not among the sources")
    try:
        return frozenset(filter(None, map(str.strip, files[key].read_text(encoding="utf-8").splitlines())))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{files[key]}: not a list of SMILES: {error}") from error


def _index(path: Path) -> Sequence[np.ndarray]:
    """Places of train, validation and test."""
    try:
        if path.suffix == ".npz":
            with open_npz(path) as archive:
                lists = [archive.array(name) for name in ("train", "val", "test")]
        else:
            data = path.read_bytes()
            # Behind the header of one line lies a pickled array of three arrays.
            lists = [_array(inner) for inner in load_pickle(data[data.index(b"\n") + 1 :], _GLOBALS).state[4]]
        if len(lists) != 3 or any(rows.ndim != 1 or rows.dtype.kind != "i" for rows in lists):
            raise ValueError("not three lists of places")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path}: not the index of a split: {error}") from error
    return lists


def _array(data: object) -> np.ndarray:
    """A pickled one-dimensional array of eight-byte whole numbers."""
    if not isinstance(data, Call) or data.name not in _ARRAY:
        raise ValueError("something that is no array")
    _version, shape, kind, _fortran, content = data.state
    if not isinstance(kind, Call) or kind.args[0] != "i8" or kind.state[1] != "<" or len(shape) != 1:
        raise ValueError("an array of something else than eight-byte whole numbers")
    array: np.ndarray = np.frombuffer(content, "<i8")
    return array
