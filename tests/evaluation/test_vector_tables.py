"""A table of vectors is scored as the encoder that made it, in whatever order it is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.errors import UserError
from molbench.evaluation import Report, evaluate
from molbench.evaluation.trust import read_trusted
from molbench.evaluation.vectors.export import write_vectors
from molbench.evaluation.vectors.table import VectorTable
from molbench.spec.catalogue import Catalogue

TASKS = ["toy/size,toy/mass,toy/ring,toy/rare"]


def score(model: Path, output: Path, tasks: list[str] = TASKS) -> Report:
    return evaluate(model, tasks, seeds=1, scratch=False, output=output, executor="inline")


def values(report: Report) -> dict[tuple[str, str], float]:
    return {(s.result.task.id, name): v.value for s in report.results for name, v in s.result.metrics.items()}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_a_checkpoint_and_its_vectors_have_the_same_scores(
    toy_home: Path, checkpoint: Path, tmp_path: Path, suffix: str
) -> None:
    """Vectors that `molbench embed` wrote are scored as the encoder itself, to a millionth."""
    path = tmp_path / f"vectors{suffix}"
    assert write_vectors(checkpoint, ["toy/*"], path) == (120, 16)
    own, table = score(checkpoint, tmp_path / "o"), score(path, tmp_path / "t")
    assert not table.failures and values(table) == pytest.approx(values(own), abs=1e-6)
    good, bad = read_trusted(tmp_path / "t", Catalogue.load())
    assert len(good) == 4 and not bad


def columns(path: Path) -> dict[str, Any]:
    table = pq.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}


def write(path: Path, content: dict[str, Any]) -> Path:
    pq.write_table(pa.table(content), path)
    return path


@pytest.fixture
def table(toy_home: Path, checkpoint: Path, tmp_path: Path) -> dict[str, Any]:
    write_vectors(checkpoint, ["toy/*"], tmp_path / "v.parquet")
    return columns(tmp_path / "v.parquet")


def test_shuffled_rows_are_the_same_table(table: dict[str, Any], tmp_path: Path) -> None:
    """Vectors belong to ids, in whatever order they are written; even the stored results are used again."""
    first = score(write(tmp_path / "v.parquet", table), tmp_path / "r")
    order = np.random.default_rng(0).permutation(len(table["id"]))
    shuffled = {name: [column[i] for i in order] for name, column in table.items()}
    again = score(write(tmp_path / "v.parquet", shuffled), tmp_path / "r")
    assert again.reused == len(first.results) and values(again) == values(first)


def _cut(content: dict[str, Any], place: int) -> None:
    for column in content.values():
        del column[place]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda t: [_cut(t, 0) for _ in range(8)], "no vector of record 'm"),
    "doubled": (lambda t: t["id"].__setitem__(5, "m4"), "id 'm4' has two vectors, in rows 4 and 5"),
    "wrong id": (lambda t: t["id"].__setitem__(5, "other"), "no vector of record 'm5'"),
    "nan": (lambda t: t["vector"][3].__setitem__(0, float("nan")), "row 3: the vector of 'm3' is not finite"),
    "far too large": (lambda t: t["vector"][3].__setitem__(0, 1e300), "the vector of 'm3' is not finite"),
    "ragged": (lambda t: t["vector"][3].pop(), "row 3: 15 numbers where row 0 has 16"),
    "no vector": (lambda t: t.pop("vector"), "has 'vector' and one of id, smiles, inchikey"),
    "no key": (lambda t: t.pop("id"), "has 'vector' and one of id, smiles, inchikey"),
    "two keys": (lambda t: t.update(smiles=t["id"]), "has 'vector' and one of"),
    "text": (lambda t: t.update(vector=["x"] * 120), "no column of lists of numbers"),
    "null": (lambda t: t["vector"].__setitem__(2, None), "no column of lists of numbers"),
    "numbers of rows": (lambda t: t.update(id=[*range(120)]), "named as 'm0', not '0'"),
    "number as id": (lambda t: t.update(id=[0.5 + row for row in range(120)]), "row 0, 'id': 0.5 is no text"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_nothing_is_scored(table: dict[str, Any], tmp_path: Path, name: str) -> None:
    """A record without a vector is named, and so is every other fault, by file and row or id."""
    damage, message = FAULTS[name]
    damage(table)
    path = write(tmp_path / "v.parquet", table)
    with pytest.raises(UserError) as caught:
        score(path, tmp_path / "r")
    assert message in str(caught.value) and path.stem in str(caught.value)
    assert not (tmp_path / "r").exists()


def test_what_vectors_do_not_do_is_not_applicable(table: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "v.parquet", table)
    report = score(path, tmp_path / "r", ["toy/size,toy-frames/co"])
    assert [pair.task for pair in report.not_applicable] == ["toy-frames/co"] and not report.failures
    assert "needs gradients" in report.not_applicable[0].reason
    with pytest.raises(UserError, match="no task is one for any of the models"):
        score(path, tmp_path / "r", ["toy-frames/co"])
    with pytest.raises(UserError, match="trains the encoder"):
        evaluate(path, ["toy/size"], protocol="finetune", output=tmp_path / "r")


def test_vectors_are_of_what_is_named_and_take_no_file_s_place(tmp_path: Path) -> None:
    (mine := tmp_path / "mine.parquet").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"mine\.parquet: is there already"):
        write_vectors("x.pt", ["toy/size"], mine)
    with pytest.raises(UserError, match="vectors of which records"):
        write_vectors("x.pt", [], tmp_path / "new.parquet")
    assert mine.read_bytes() == b"mine" and [*tmp_path.iterdir()] == [mine]


def test_an_archive_with_pickles_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", id=np.array(["a", object()], dtype=object), vector=np.zeros((2, 2)))
    with pytest.raises(UserError, match="cannot be read"):
        VectorTable.read(tmp_path / "v.npz")


@pytest.mark.parametrize("key", ["smiles", "inchikey"])
def test_vectors_of_molecules_are_found_however_the_smiles_is_written(tmp_path: Path, key: str) -> None:
    """On the embedded molecules; every SMILES is written another way than in the dataset."""
    from rdkit import Chem

    from molbench.data.read.store import Store

    ref = Catalogue.load().tasks(["xtb-molecules/homo"])[0]
    assert ref.folder is not None
    store = Store.open(ref.folder)
    smiles = store.column("smiles").to_pylist()
    drawn = np.random.default_rng(0).normal(size=(len(smiles), 3)).tolist()
    names = store.column("inchikey").to_pylist()
    # Tautomers share a key, and so a vector.
    vectors = drawn if key == "smiles" else [drawn[names.index(name)] for name in names]
    if key == "smiles":
        names = [Chem.MolToSmiles(Chem.MolFromSmiles(s), kekuleSmiles=True, rootedAtAtom=0) for s in smiles]
        assert names != smiles
    by_id = write(tmp_path / "by-id.parquet", {"id": store.ids.to_pylist(), "vector": vectors})
    named = dict(zip(names, vectors, strict=True))
    by_key = write(tmp_path / "by-key.parquet", {key: list(named), "vector": list(named.values())})
    reports = [score(path, tmp_path / "r", ["xtb-molecules/homo"]) for path in (by_id, by_key)]
    assert values(reports[0]) == values(reports[1])
    frames = score(by_key, tmp_path / "q", ["xtb-molecules/homo,xtb-dynamics/ethanol"])
    assert [pair.task for pair in frames.not_applicable][-1] == "xtb-dynamics/ethanol"
