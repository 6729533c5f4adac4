"""Counts of seen test molecules are those that were put there."""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.leakage import Matrix, overlap_matrix, overlap_with
from molbench.data.leakage.matrix import Count
from molbench.data.leakage.render import write_matrix
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue

TASK = {"target": "y", "metrics": ["mae"], "unit": "eV", "scheme": "random", "why": "To see."}
TARGETS = {"y": {"unit": "eV", "description": "Noise."}}
VECTORS = pa.list_(pa.list_(pa.float32(), 3))

TESTED = [
    "C1CC1CCO",  # in the corpus, written otherwise
    "C[C@H](F)Cl",  # in the corpus as its mirror image
    "c1ccccc1CCCCCCCCN",  # ring in the corpus
    "c1ccc2ccccc2c1",  # not
    "CCCCCCCCCCCCS",  # similar to a thiol one carbon longer
    "not a molecule",
]
CORPUS = ["OCCC1CC1", "C[C@@H](F)Cl", "Brc1ccccc1", "CCCCCCCCCCCCCS", "CC#N", "also no molecule"]


def table(smiles: list[str], **columns: object) -> pa.Table:
    n = len(smiles)
    return pa.table({"id": [f"m{i}" for i in range(n)], "smiles": smiles, "y": np.zeros(n), **columns})


@pytest.fixture
def tested(handmade):
    rest = ["CCCCC", "CCCCCC"]
    labels = ["test"] * len(TESTED) + ["train", "validation"]
    return handmade("tested", table(TESTED + rest), {"random": labels}, tasks={"y": TASK}, targets=TARGETS)


@pytest.fixture
def corpus(handmade):
    held_out = ["c1ccc2ccccc2c1"]  # in the corpus's own test split, hence not pretrained on
    labels = ["train"] * len(CORPUS) + ["test"]
    return handmade("corpus", table(CORPUS + held_out), {"random": labels}, targets=TARGETS)


def tasks(pattern="tested/*"):
    return Catalogue.load().tasks([pattern])


def test_molecules_scaffolds_and_neighbours(tested, corpus):
    matrix = overlap_matrix(corpus, tasks())
    overlap = matrix.tasks["tested/y"]
    assert matrix.corpus.records == len(CORPUS) and overlap.test.records == len(TESTED)
    assert (overlap.compared_by, overlap.unidentified) == ("inchikey", 1)
    assert overlap.counts == {
        "molecule": Count(seen=2, of=5),
        "scaffold": Count(seen=2, of=3),
        "similar": Count(seen=3, of=5),
    }


def test_a_corpus_is_read_once_and_the_result_is_kept(tested, corpus, monkeypatch):
    first = overlap_matrix(corpus, tasks())
    monkeypatch.setattr("molbench.data.leakage.overlap._pass", None)
    assert overlap_matrix(corpus, tasks()) == first


def test_geometries_are_compared_by_their_bonds(handmade):
    water = ([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    ammonia = ([7, 1, 1, 1], [[0, 0, 0.1], [0.94, 0, -0.27], [-0.47, 0.81, -0.27], [-0.47, -0.81, -0.27]])
    methane = (
        [6, 1, 1, 1, 1],
        [[0, 0, 0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [-0.63, 0.63, -0.63], [0.63, -0.63, -0.63]],
    )

    def drawn(records):
        return {
            "atomic_numbers": pa.array([r[0] for r in records], pa.list_(pa.uint8())),
            "positions": pa.array([r[1] for r in records], VECTORS),
        }

    labels = ["test", "test", "train", "validation"]
    handmade(
        "tested",
        table(["O", "N", "C", "C"], **drawn([water, ammonia, methane, methane])),
        {"random": labels},
        tasks={"y": TASK},
        targets=TARGETS,
    )
    bare = pa.table({"id": ["a", "b"], **drawn([ammonia, methane])})
    overlap = overlap_matrix(handmade("corpus", bare, {"all": ["train", "train"]}), tasks()).tasks["tested/y"]
    assert overlap.compared_by == "connectivity"
    assert overlap.counts == {"molecule": Count(seen=1, of=2)}


def test_pairs_count_pairs_and_molecules(handmade):
    def pairs(*rows):
        a, b = zip(*rows, strict=True)
        ids = [f"p{i}" for i in range(len(rows))]
        return pa.table({"id": ids, "a_smiles": list(a), "b_smiles": list(b), "y": np.zeros(len(rows))})

    kind = {"record": "pair", "identity": "pair", "targets": TARGETS}
    handmade(
        "tested",
        pairs(("CCO", "O"), ("CCN", "O"), ("CCF", "CO"), ("C", "C"), ("C", "C")),
        {"random": ["test"] * 3 + ["train", "validation"]},
        tasks={"y": TASK},
        **kind,
    )
    folder = handmade("corpus", pairs(("O", "CCO"), ("CCN", "CO")), {"all": ["train", "train"]}, **kind)
    counts = overlap_matrix(folder, tasks()).tasks["tested/y"].counts
    assert counts["pair"] == Count(seen=1, of=3)
    assert counts["molecule"] == Count(seen=4, of=5)


def test_complexes_count_proteins_and_ligands(handmade):
    def complexes(proteins, ligands):
        n = len(proteins)
        ids = [f"c{i}" for i in range(n)]
        return pa.table({"id": ids, "group": proteins, "ligand_smiles": ligands, "y": np.zeros(n)})

    kind = {"record": "complex", "identity": "group", "targets": TARGETS}
    handmade(
        "tested",
        complexes(["p", "p", "q", "r", "s"], ["CCO", "CCN", "CCF", "C", "C"]),
        {"random": ["test"] * 3 + ["train", "validation"]},
        tasks={"y": TASK},
        **kind,
    )
    folder = handmade("corpus", complexes(["q", "z"], ["CCO", "CCCl"]), {"all": ["train", "train"]}, **kind)
    counts = overlap_matrix(folder, tasks()).tasks["tested/y"].counts
    assert counts["protein"] == Count(seen=1, of=2)
    assert counts["molecule"] == Count(seen=1, of=3)


def test_a_cross_validation_tests_every_record(handmade, corpus):
    family = {"generator": "kfold", "parameters": {"repeats": 1, "folds": 2}, "description": "Folds."}
    labels = ["test", "train", "validation", "train"]
    handmade(
        "tested",
        table(["OCCC1CC1", "CC#N", "CCCC", "CCC"]),
        {"cv-0-0": labels, "cv-0-1": labels[::-1]},
        declared={"cv": family},
        tasks={"y": TASK | {"scheme": "cv"}},
        targets=TARGETS,
    )
    assert overlap_matrix(corpus, tasks()).tasks["tested/y"].counts["molecule"] == Count(seen=2, of=4)
    (task,) = tasks()
    pretraining = {"digest": "digest of corpus", "scheme": "random"}
    assert overlap_with(pretraining, task.at(1)).counts["molecule"] == Count(seen=2, of=4)


def test_results_find_what_was_computed(tested, corpus):
    (task,) = tasks()
    pretraining = {"dataset": "corpus", "digest": "digest of corpus", "scheme": "random"}
    assert overlap_with(pretraining, task) is None
    assert overlap_with({}, task) is None
    computed = overlap_matrix(corpus, [task]).tasks[task.id]
    assert overlap_with(pretraining, task) == computed
    assert overlap_with(pretraining | {"digest": "of another build"}, task) is None
    excluded = {"tasks": ["tested/y"], "identities": ["tested@random: inchikey"], "records": 2}
    left_out = overlap_with(pretraining | {"excluded": excluded}, task)
    assert left_out.counts["molecule"] == Count(seen=0, of=5)
    assert left_out.counts["scaffold"] == computed.counts["scaffold"] and "left out" in left_out.note


def test_files(tested, corpus, tmp_path):
    matrix = overlap_matrix(corpus, tasks())
    write_matrix(matrix, tmp_path)
    assert Matrix.model_validate(json.loads((tmp_path / "overlap.json").read_text())) == matrix
    rows = list(csv.DictReader((tmp_path / "overlap.csv").open()))
    assert rows[0]["corpus"] == "corpus@random"
    assert {r["level"]: (r["seen"], r["of"], r["share"]) for r in rows}["molecule"] == ("2", "5", "0.400000")
    assert (tmp_path / "overlap.png").read_bytes().startswith(b"\x89PNG")


def test_refusals(tested, corpus):
    with pytest.raises(UserError, match="no split scheme 'scaffold'"):
        overlap_matrix(corpus, tasks(), scheme="scaffold")
    with pytest.raises(UserError, match="no subset 'x'"):
        overlap_matrix(corpus, tasks(), subset="x")
    with pytest.raises(UserError, match="not built here"):
        overlap_matrix(corpus, Catalogue.load().tasks(["qm9/homo"]))


def test_names_and_bare_geometries_cannot_be_compared(handmade, tmp_path):
    pairs = {"a_smiles": ["CCO"] * 3, "b_smiles": ["O"] * 3, "y": np.zeros(3)}
    handmade(
        "tested",
        pa.table({"id": ["p0", "p1", "p2"], **pairs}),
        {"random": ["test", "train", "validation"]},
        tasks={"y": TASK},
        targets=TARGETS,
        record="pair",
        identity="pair",
    )
    atoms = pa.array([[6], [8]], pa.list_(pa.uint8()))
    bare = pa.table(
        {"id": ["a", "b"], "atomic_numbers": atoms, "positions": pa.array([[[0, 0, 0]]] * 2, VECTORS)}
    )
    matrix = overlap_matrix(handmade("corpus", bare, {"all": ["train", "train"]}), tasks())
    assert matrix.tasks["tested/y"].compared_by == "nothing" and matrix.tasks["tested/y"].counts == {}
    write_matrix(matrix, tmp_path)
