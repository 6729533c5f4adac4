"""An audit finds the leaks that were put there, and their exact number."""

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.audit.check import audit_folder
from molbench.data.audit.report import write_report
from molbench.data.audit.result import QUANTILES
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.record_identity import identity_digest, identity_keys
from molbench.errors import UserError

LABELS = ["train"] * 60 + ["validation"] * 20 + ["test"] * 20
LEAK = {"generator": "published", "description": "As published.", "leaks": "Files share molecules."}


def alkanes(n: int = 100) -> list[str]:
    """Distinct molecules."""
    return ["C" * (i + 1) for i in range(n)]


def molecules(smiles: list[str], **columns: object) -> pa.Table:
    return pa.table({"id": [f"m{i}" for i in range(len(smiles))], "smiles": smiles, **columns})


def test_a_clean_scheme_is_proved_disjoint(handmade):
    actual = audit_folder(handmade("toy", molecules(alkanes()), {"random": LABELS}))
    scheme = actual.parts[0].schemes["random"]
    assert actual.problems == [] and scheme.verdict == "disjoint" and scheme.leaking == 0
    assert scheme.shared == {"train/validation": 0, "train/test": 0, "validation/test": 0}
    assert {name: split.records for name, split in scheme.splits.items()} == {
        "train": 60,
        "validation": 20,
        "test": 20,
    }
    assert (scheme.parent, actual.parts[0].identity) == ("digest of toy", "inchikey")


def test_an_injected_leak_is_found_with_its_number(handmade):
    smiles = alkanes()
    smiles[90] = smiles[91] = "CC"  # two test records of one training molecule,
    smiles[92] = "OCC"  # one of another, written otherwise,
    smiles[5] = "CCO"
    smiles[93] = smiles[70]  # and one of a validation molecule
    folder = handmade("toy", molecules(smiles), {"random": LABELS})
    scheme = audit_folder(folder).parts[0].schemes["random"]
    assert scheme.shared == {"train/validation": 0, "train/test": 2, "validation/test": 1}
    assert scheme.leaking == 4
    assert scheme.splits["test"].identities == 19
    (problem,) = audit_folder(folder).problems
    assert problem.startswith("random: LEAKS") and "2 of train/test" in problem


def test_a_declared_leak_is_told_and_is_no_problem(handmade):
    smiles = alkanes()
    smiles[99] = smiles[0]
    folder = handmade("toy", molecules(smiles), {"published": LABELS}, declared={"published": LEAK})
    actual = audit_folder(folder)
    assert actual.problems == []
    assert actual.parts[0].schemes["published"].verdict == "leaks, as declared"
    assert actual.parts[0].schemes["published"].shared["train/test"] == 1


def test_stereoisomers_are_the_same_molecule(handmade):
    smiles = alkanes()
    smiles[0], smiles[99] = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"
    scheme = audit_folder(handmade("toy", molecules(smiles), {"random": LABELS})).parts[0].schemes["random"]
    assert scheme.shared["train/test"] == 1


def test_molecules_without_a_key_are_counted_and_match_nothing(handmade):
    smiles = alkanes()
    smiles[0] = smiles[99] = "no molecule"
    actual = audit_folder(handmade("toy", molecules(smiles), {"random": LABELS})).parts[0]
    assert actual.unidentified == 2 and actual.schemes["random"].leaking == 0


def test_an_empty_split_is_a_problem(handmade):
    labels = ["train"] * 80 + ["test"] * 20
    actual = audit_folder(handmade("toy", molecules(alkanes()), {"random": labels}))
    assert actual.problems == ["random: validation is empty"]


def test_pretraining_data_have_one_split(handmade):
    everything = {"pretrain": {"generator": "everything", "description": "All."}}
    folder = handmade("toy", molecules(alkanes()), {"pretrain": ["train"] * 100}, declared=everything)
    assert audit_folder(folder).problems == []


def test_the_page_says_why_nothing_is_split_and_shows_no_single_labels(handmade, tmp_path):
    everything = {"pretrain": {"generator": "everything", "description": "All."}}
    table = molecules(alkanes(2), y=[1.25, 2.5])
    targets = {"y": {"unit": "eV", "description": "A number"}}
    folder = handmade("toy", table, {"pretrain": ["train"] * 2}, declared=everything, targets=targets)
    manifest = Manifest.read(folder)
    manifest.model_copy(update={"left_out": {"random": "two records only"}}).write(folder)
    actual = audit_folder(folder)
    write_report({folder: actual}, tmp_path / "datasets.md")
    page = (tmp_path / "datasets.md").read_text()
    assert "No scheme that separates anything could be drawn:\n\n* random: two records only" in page
    assert "not enough labels" in page and "1.25" not in page
    assert actual.parts[0].labels["y"].records == 2


def test_label_distributions(handmade):
    y = np.random.default_rng(0).normal(size=100)
    table = molecules(alkanes(), y=pa.array([None, *y[1:]], pa.float64()))
    targets = {"y": {"unit": "eV", "description": "Noise."}}
    part = audit_folder(handmade("toy", table, {"random": LABELS}, targets=targets)).parts[0]
    actual = part.schemes["random"].splits["train"].labels["y"]
    assert actual.records == 59
    assert np.allclose(actual.quantiles, np.quantile(y[1:60], QUANTILES))
    assert np.isclose(actual.mean, y[1:60].mean()) and np.isclose(actual.std, y[1:60].std())
    assert part.labels["y"].records == 99


def test_similarity_of_test_to_train(handmade):
    smiles = ["CCO", "c1ccccc1C", "CC(=O)O"] * 20 + ["CCN"] * 20 + ["OCC"] * 10 + ["c1ccncc1Br"] * 10
    folder = handmade("toy", molecules(smiles), {"random": LABELS}, identity="id")
    nearest = audit_folder(folder).parts[0].schemes["random"].nearest
    assert nearest is not None
    assert (nearest.test, nearest.of_test, nearest.train, nearest.of_train) == (2, 2, 3, 3)
    assert nearest.maximum == 1 and sum(nearest.counts) == 2 and nearest.counts[-1] == 1
    assert nearest == audit_folder(folder).parts[0].schemes["random"].nearest


@pytest.mark.parametrize("ordered", [True, False])
def test_pairs_the_other_way_round_and_unseen_sides_are_counted(handmade, ordered):
    a, b = ["CCO"] * 100, alkanes()
    a[80:90] = ["CCN"] * 10  # unseen with an unseen alkane: both
    b[90:95] = b[:5]
    a[90:95] = ["CCF"] * 5  # unseen with a seen one: one
    a[95], b[95] = b[3], "CCO"  # a training pair the other way round: neither
    table = pa.table({"id": [f"p{i}" for i in range(100)], "a_smiles": a, "b_smiles": b})
    folder = handmade("toy", table, {"random": LABELS}, record="pair", identity="pair", ordered=ordered)
    scheme = audit_folder(folder).parts[0].schemes["random"]
    assert scheme.shared["train/test"] == (0 if ordered else 1)
    assert scheme.reversed == (1 if ordered else None)
    assert (scheme.verdict == "disjoint") == ordered
    assert scheme.unseen == {"neither": 1, "one": 9, "both": 10}


def test_complexes_are_told_apart_by_protein(handmade):
    protein = [f"p{i}" for i in range(100)]
    protein[85] = "p7"
    table = pa.table({"id": [f"c{i}" for i in range(100)], "group": protein, "ligand_smiles": alkanes()})
    folder = handmade("toy", table, {"random": LABELS}, record="complex", identity="group")
    scheme = audit_folder(folder).parts[0].schemes["random"]
    assert scheme.shared["train/test"] == 1 and scheme.nearest is not None


def test_frames_have_no_nearest_molecule(handmade):
    table = molecules(["CCO"] * 100, frame=list(range(100)))
    scheme = (
        audit_folder(handmade("toy", table, {"random": LABELS}, identity="frame")).parts[0].schemes["random"]
    )
    assert scheme.verdict == "disjoint" and scheme.nearest is None


def test_records_without_the_columns_of_their_identity_are_compared_by_id(handmade):
    table = pa.table({"id": [f"m{i}" for i in range(100)]})
    assert audit_folder(handmade("toy", table, {"random": LABELS})).parts[0].identity == "id"


def test_folds_are_audited_one_by_one(handmade):
    family = {"generator": "kfold", "parameters": {"repeats": 1, "folds": 2}, "description": "Folds."}
    swapped = [{"train": "test", "test": "train"}.get(label, label) for label in LABELS]
    labels = {"cv-0-0": LABELS, "cv-0-1": swapped}
    folder = handmade("toy", molecules(alkanes()), labels, declared={"cv": family})
    schemes = audit_folder(folder).parts[0].schemes
    assert list(schemes) == ["cv-0-0", "cv-0-1"]
    assert schemes["cv-0-0"].splits["test"] == schemes["cv-0-1"].splits["train"]


def test_identity_keys_and_their_digest():
    table = pa.table({"a_inchikey": ["B" * 27, "A" * 27, None], "b_inchikey": ["A" * 27, "B" * 27, "A" * 27]})
    keys = identity_keys(table, "pair")
    assert keys.to_pylist() == [f"{'A' * 14}|{'B' * 14}"] * 2 + [None]
    one_way, other_way, _ = identity_keys(table, "pair", ordered=True).to_pylist()
    assert one_way == f"{'B' * 14}>{'A' * 14}" != other_way
    assert identity_keys(pa.table({"frame": [3, 1]}), "frame").to_pylist() == ["3", "1"]
    one, other = pa.array(["x", "y", "x", None]), pa.array(["y", "x"])
    assert identity_digest(one) == identity_digest(other) != identity_digest(pa.array(["x"]))
    with pytest.raises(UserError, match="needs the columns group"):
        identity_keys(table, "group")
    with pytest.raises(UserError, match="unknown identity 'name'"):
        identity_keys(table, "name")


def test_the_page_survives_targets_and_geometries_that_are_not_there(handmade, tmp_path):
    targets = {name: {"unit": "eV", "description": "Noise."} for name in ("y", "of_another_subset")}
    folder = handmade("toy", molecules(alkanes(), y=np.arange(100.0)), {"random": LABELS}, targets=targets)
    write_report({folder: audit_folder(folder)}, tmp_path / "datasets.md")
    page = (tmp_path / "datasets.md").read_text()
    assert "| random | ratio | 60 | 20 | 20 | 0 |" in page and "| y | all | 100 | 49.5 | 0 |" in page
    assert (tmp_path / "figures" / "datasets" / "toy.png").stat().st_size < 60_000
