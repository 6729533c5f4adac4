"""Splits that others have published for Molecule3D, PCQM4Mv2 and GEOM."""

import json
import pickle
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.splits.geom import emgp, geomol
from molbench.data.build.splits.numbered import first, numbered
from molbench.errors import UserError

NAMES = {"train": "train", "valid": "validation", "test": "test"}


def keys(numbers: list[int]) -> pa.Table:
    return pa.table({"id": [f"molecule3d-{number}" for number in numbers]})


def write(path: Path, content: object) -> dict[str, Path]:
    if path.suffix == ".json":
        path.write_text(json.dumps(content))
    else:
        torch.save({name: np.array(rows) for name, rows in content.items()}, path)
    return {"index": path}


@settings(deadline=None, max_examples=25)
@given(
    labels=st.lists(st.sampled_from(["train", "valid", "test", "hidden"]), min_size=8, max_size=40),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["json", "pt"]),
    data=st.data(),
)
def test_labels_are_those_of_the_lists(tmp_path_factory, labels, seed, kind, data) -> None:
    """Whatever order the records are in, and although some of them are missing."""
    labels = [*NAMES, *labels]
    lists = {name: [i for i, label in enumerate(labels) if label == name] for name in {*NAMES, *labels}}
    files = write(tmp_path_factory.mktemp("n") / f"split.{kind}", lists)
    there = data.draw(st.permutations(range(len(labels))))[: len(labels) - data.draw(st.integers(0, 3))]
    actual = numbered(keys(there), file="index", splits=NAMES, files=files)
    assert actual.tolist() == [NAMES.get(labels[i], "unused") for i in there]
    drawn = numbered(
        keys(there),
        file="index",
        splits={"train": "train", "valid": "test"},
        files=files,
        validation=2,
        seed=seed,
    )
    train = [i for i, label in zip(there, drawn, strict=True) if label in {"train", "validation"}]
    assert {labels[i] for i in train} <= {"train"} and (drawn == "validation").sum() == min(2, len(train))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not readable"),
        ("[1]", "not readable"),
        ('{"train": [0], "valid": [1]}', "no list 'test'"),
        ('{"train": [0], "valid": [1], "test": ["x"]}', "not a list of row numbers"),
        ('{"train": [0], "valid": [1], "test": []}', "not a list of row numbers"),
        ('{"train": [0], "valid": [1], "test": [-1]}', "not a list of row numbers"),
        ('{"train": [0], "valid": [1], "test": [0.5]}', "not a list of row numbers"),
        ('{"train": [0], "valid": [1], "test": [[2]]}', "not a list of row numbers"),
        ('{"train": [0], "valid": [1], "test": [[2], [3, 4]]}', "not readable"),
        ('{"train": [0], "valid": [1], "test": [99999999999]}', "which is no row"),
        ('{"train": [0], "valid": [1], "test": [0]}', "stands twice"),
        ('{"train": [0, 0], "valid": [1], "test": [2]}', "stands twice"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, content: str, reason: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=reason):
        numbered(keys([0, 1, 2]), file="index", splits=NAMES, files={"index": tmp_path / "a.json"})


def test_a_pytorch_file_runs_nothing(tmp_path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "proof",)

    torch.save({"train": Evil()}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="not readable"):
        numbered(keys([0]), file="index", splits=NAMES, files={"index": tmp_path / "a.pt"})
    assert not (tmp_path / "proof").exists()


def test_the_first_rows() -> None:
    assert first(keys([3, 0, 1, 9]), rows=3).tolist() == ["unused", "train", "train", "unused"]
    with pytest.raises(UserError, match="end in a row number"):
        first(pa.table({"id": ["CCO/x"]}), rows=3)


SMILES = ["C", "CC", "C/C=C/C", "CCC", "CCO", "CN", "C#N", "CO", "CCN", "COC"]


@pytest.fixture
def geom(tmp_path) -> dict[str, Path]:
    """A summary, whose last entries have no pickle or no conformer, and a list of excluded molecules."""
    entries = {
        s: {"uniqueconfs": 1 + i % 4, "pickle_path": f"qm9/{s.replace('/', '_')}.pickle"}
        for i, s in enumerate(SMILES)
    }
    entries |= {"N": {"uniqueconfs": 3}, "O": {"uniqueconfs": 0, "pickle_path": "qm9/O.pickle"}}
    (tmp_path / "summary_qm9.json").write_text(json.dumps(entries))
    (tmp_path / "filter_smiles.txt").write_text("CCO\n\nCN \nnot there\n")
    return {"folder": tmp_path / "summary_qm9.json", "excluded": tmp_path / "filter_smiles.txt"}


def conformers(seed: int) -> pa.Table:
    """Four conformers of every molecule in any order; one molecule has fewer in its pickle than announced."""
    rng = np.random.default_rng(seed)
    rows = [(s, number) for s in SMILES for number in range(4)]
    rows = [rows[i] for i in rng.permutation(len(rows))]
    return pa.table(
        {
            "id": [f"{s}/{number}" for s, number in rows],
            "group": [s for s, _ in rows],
            "weight": rng.random(len(rows)),
            "listed_conformers": [1.0 if s == "CCC" else 4.0 for s, _ in rows],
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_selection_of_emgp(geom, seed: int) -> None:
    table = conformers(seed)
    parameters = {"molecules": "qm9", "excluded": "excluded", "conformers": 3, "held_out": 2, "seed": 2021}
    labels = emgp(table, **parameters, weight="weight", listed="listed_conformers", files=geom)
    # The draw of the published code, over the summary without the excluded molecules.
    candidates = [s for s in SMILES if s not in {"CCO", "CN"}]
    order = list(range(len(candidates)))
    random.seed(2021)
    random.shuffle(order)
    held_out = {candidates[i] for i in order[:2]}
    for smiles in SMILES:
        rows = [i for i, name in enumerate(table["group"].to_pylist()) if name == smiles]
        heaviest = sorted(rows, key=lambda i: -table["weight"][i].as_py())
        wanted = min(1 + SMILES.index(smiles) % 4, 3)
        if smiles in {"CCO", "CN"}:
            assert set(labels[rows]) == {"test"}
        elif smiles == "CCC":
            assert set(labels[rows]) == {"unused"}
        else:
            expected = "validation" if smiles in held_out else "train"
            assert set(labels[heaviest[:wanted]]) == {expected}
            assert set(labels[heaviest[wanted:]]) <= {"unused"}


def split0(path: Path, lists: list[np.ndarray]) -> Path:
    """As ``numpy.save`` writes an object array, and as an archive of plain arrays."""
    if path.suffix == ".npz":
        np.savez(path, **dict(zip(("train", "val", "test"), lists, strict=True)))
    else:
        array = np.empty(3, dtype=object)
        array[:] = lists
        np.save(path, array, allow_pickle=True)
    return path


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_places_in_the_sorted_list_of_pickles(geom, tmp_path, suffix: str) -> None:
    lists = [np.array([3, 0, 9, 1, 10]), np.array([2, 4]), np.array([5, 8, 7, 6])]
    files = geom | {"index": split0(tmp_path / f"split0.{suffix}", lists)}
    table = conformers(0)
    labels = geomol(table, molecules="qm9", index="index", files=files)
    names = sorted(s.replace("/", "_") + ".pickle" for s in [*SMILES, "O"])
    for smiles, label in zip(table["group"].to_pylist(), labels.tolist(), strict=True):
        place = names.index(smiles.replace("/", "_") + ".pickle")
        assert place in lists[["train", "validation", "test"].index(label)]


def test_an_index_for_another_list_is_refused(geom, tmp_path) -> None:
    for lists in ([[0, 1], [2], [3]], [[0] * 9, [1], [2]], [list(range(9)), [9], [99]]):
        files = geom | {"index": split0(tmp_path / "split0.npz", [np.array(rows) for rows in lists])}
        with pytest.raises(UserError, match="made for another list"):
            geomol(conformers(0), molecules="qm9", index="index", files=files)
    for content in (b"", b"x\n", b"x\n" + pickle.dumps([1]), b"x\n" + pickle.dumps(np.arange(3))):
        (tmp_path / "split0.npy").write_bytes(content)
        with pytest.raises(UserError, match="not the index of a split"):
            geomol(
                conformers(0), molecules="qm9", index="index", files=geom | {"index": tmp_path / "split0.npy"}
            )


def test_the_published_index_is_read_without_unpickling(real_data) -> None:
    from molbench.data.build.splits.geom import _index

    sizes = {"QM9": (106_586, 13_323, 13_323), "DRUGS": (243_473, 30_433, 30_433)}
    for name, expected in sizes.items():
        folder = real_data / "geom" / "geomol_splits" / name
        plain = _index(folder / "split0_plain.npz")
        assert tuple(map(len, plain)) == expected
        assert np.unique(np.concatenate(plain)).tolist() == list(range(sum(expected)))
        if (folder / "split0.npy").exists():
            for a, b in zip(plain, _index(folder / "split0.npy"), strict=True):
                assert np.array_equal(a, b)
