"""Drug pairs in their three layouts, and the negatives drawn for them."""

import gzip
from collections import Counter

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.drug_pairs import draw_negatives
from molbench.errors import UserError

DRUGS = {
    f"DB{i}": smiles
    for i, smiles in enumerate(["C" * n + end for n in range(1, 6) for end in ("O", "N", "Cl")])
}
OPTIONS = {"seed": 0}

positive_pairs = st.sets(
    st.tuples(st.sampled_from(sorted(DRUGS)), st.sampled_from(sorted(DRUGS))).filter(
        lambda pair: pair[0] != pair[1]
    ),
    min_size=1,
    max_size=15,
)


def has_room(positives: set[tuple[str, str]]) -> bool:
    known = {frozenset(pair) for pair in positives}
    drugs = len({name for pair in known for name in pair})
    return drugs * (drugs - 1) // 2 >= 2 * len(known)


@settings(deadline=None, max_examples=50)
@given(positives=positive_pairs.filter(has_room), seed=st.integers(0, 3), data=st.data())
def test_negatives_keep_what_is_promised(positives, seed: int, data) -> None:
    negatives = draw_negatives(sorted(positives), seed)
    known = {frozenset(pair) for pair in positives}
    assert len(negatives) == len(known) == len({frozenset(pair) for pair in negatives})
    assert all(a < b for a, b in negatives)  # no drug with itself, no pair in both orders
    assert not known & {frozenset(pair) for pair in negatives}
    assert {name for pair in negatives for name in pair} <= {name for pair in known for name in pair}
    shuffled = [
        pair[::-1] if data.draw(st.booleans()) else pair
        for pair in data.draw(st.permutations(sorted(positives)))
    ]
    assert draw_negatives(shuffled, seed) == negatives


def test_negatives_run_out() -> None:
    with pytest.raises(ValueError, match="3 interacting pairs, but only 0 others"):
        draw_negatives([("a", "b"), ("b", "c"), ("a", "c")], 0)


def test_every_free_pair_can_be_drawn() -> None:
    drawn = Counter(pair for seed in range(200) for pair in draw_negatives([("a", "b"), ("c", "d")], seed))
    assert set(drawn) == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")} and min(drawn.values()) > 60


def miracle(folder, files: dict[str, list[tuple[str, str, object]]], swapped: bool = True):
    """Files as MIRACLE writes them; the columns of SMILES of one network are swapped."""
    columns = "smiles_2,smiles_1" if swapped else "smiles_1,smiles_2"
    paths = {}
    for name, rows in files.items():
        lines = [f"drugbank_id_1,drugbank_id_2,{columns},label"]
        for a, b, label in rows:
            smiles = (DRUGS[b], DRUGS[a]) if swapped else (DRUGS[a], DRUGS[b])
            lines.append(f"{a},{b},{smiles[0]},{smiles[1]},{label}")
        paths[name] = folder / f"X_{name}.csv"
        paths[name].write_text("\n".join(lines) + "\n")
    return paths


@settings(deadline=None, max_examples=30)
@given(
    positives=positive_pairs.filter(has_room),
    swapped=st.booleans(),
    order=st.permutations(["train", "valid", "test"]),
)
def test_files_and_orders_do_not_matter(parse, tmp_path_factory, positives, swapped: bool, order) -> None:
    rows = sorted(positives)
    files = {
        "train": [(*pair, "1.0") for pair in rows],
        "valid": [(b, a, 1) for a, b in rows[:2]],
        "test": [],
    }
    paths = miracle(tmp_path_factory.mktemp("ddi"), files, swapped)
    records, failures = parse("miracle-ddi", {name: paths[name] for name in order}, OPTIONS)
    assert not failures
    positive = records.filter(pc.invert(records["drawn"]))
    known = {tuple(sorted(pair)) for pair in positives}
    assert [tuple(name.split("|")) for name in positive["id"].to_pylist()] == sorted(known)
    assert pc.sum(positive["source_rows"]).as_py() == len(rows) + len(rows[:2])
    assert set(positive["interaction"].to_pylist()) == {1.0}
    negative = records.filter(records["drawn"])
    assert [tuple(name.split("|")) for name in negative["id"].to_pylist()] == draw_negatives(rows, 0)
    assert (
        set(negative["interaction"].to_pylist())
        == {0.0}
        == set(map(float, negative["source_rows"].to_pylist()))
    )
    for record in records.to_pylist():
        a, b = record["id"].split("|")
        assert (record["a_smiles"], record["b_smiles"]) == (DRUGS[a], DRUGS[b])


def test_rows_labelled_0_are_not_used(parse, tmp_path) -> None:
    rows = [("DB0", "DB1", 1), ("DB2", "DB3", 1), ("DB0", "DB2", 0)]
    records, failures = parse("miracle-ddi", miracle(tmp_path, {"train": rows}), OPTIONS)
    assert not failures and len(records) == 4


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("DB7,DB7,CO,CO,1", "a drug paired with itself"),
        ("DB7,DB8,CO,Q,1", "cannot read the SMILES of the drug: 'Q'"),
        ("DB0,DB8,CF,CBr,1", "drug DB0 has two structures"),
        ("DB7,DB8,CF,CBr,2", "label is 0 or 1, not 2"),
        ("DB7,DB8,CF,CBr", "not a number: ''"),
        (",DB8,CF,CBr,1", "a drug without a readable name"),
    ],
)
def test_a_bad_row_is_a_failure(parse, tmp_path, row: str, reason: str) -> None:
    paths = miracle(tmp_path, {"train": [("DB0", "DB1", 1), ("DB2", "DB3", 1)]}, swapped=False)
    paths["train"].write_text(paths["train"].read_text() + row + "\n")
    records, failures = parse("miracle-ddi", paths, OPTIONS)
    assert len(records) == 4 and len(failures) == 1
    assert reason in failures[0].reason and failures[0].where == "X_train.csv, line 4"


def test_two_names_of_one_structure_are_one_drug(parse, tmp_path) -> None:
    path = tmp_path / "t.csv"
    header = "drugbank_id_1,drugbank_id_2,smiles_1,smiles_2,label\n"
    path.write_text(header + "A,B,CCO,CCN,1\nC,D,OCC,CCN,1\nE,F,CCCl,CCBr,1\n")
    records, _ = parse("miracle-ddi", {"train": path}, OPTIONS)
    assert records["id"].to_pylist()[:2] == ["A|B", "E|F"]
    assert records["source_rows"].to_pylist()[:2] == [2, 1]


def matrix(folder, text: str):
    files = {"matrix": folder / "matrix.csv", "drugs": folder / "drugs.csv"}
    files["matrix"].write_text(text)
    files["drugs"].write_text("n,cid,drugbank_id,smiles\n0,A,x,CCO\n1,B,x,CCN\n2,C,x,CCC\n3,D,x,CO\n")
    return files


def test_a_matrix_states_each_pair_once_and_needs_structures(parse, tmp_path) -> None:
    text = ",A,B,C,D,X\nA,0,1,0,0,1\nB,1,0,0,0,0\nC,0,0,0,1,0\nD,0,0,1,0,0\nX,1,0,0,0,0\n"
    records, failures = parse("ddi-matrix", matrix(tmp_path, text), OPTIONS)
    assert not failures and records["id"].to_pylist()[:2] == ["A|B", "C|D"]
    assert records["source_rows"].to_pylist()[:2] == [1, 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (",A,B\nA,0,1\nB,0,0\n", "interact in one order only"),
        (",A,B\nB,0,1\nA,1,0\n", "do not name the same drugs"),
        (",A,B\nA,0,2\nB,2,0\n", "row A is not 2 zeros and ones"),
        (",A,B\nA,0\nB,1,0\n", "row A is not 2 zeros and ones"),
        (",A,B\nA,0,0\nB,0,0\n", "no interacting pair"),
        (",A,B\nA,0,1\nB,1,0\n", "only 0 others"),
    ],
)
def test_a_wrong_matrix_is_refused(parse, tmp_path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("ddi-matrix", matrix(tmp_path, text), OPTIONS)


def test_identifiers_with_a_list_of_structures(parse, tmp_path) -> None:
    files = {"pairs": tmp_path / "pairs.tsv.gz", "drugs": tmp_path / "drugs.csv"}
    files["pairs"].write_bytes(gzip.compress(b"A\tB\nB\tA\nC\tD\nA\tmissing\nA\n"))
    files["drugs"].write_text("drugbank_id,smiles\nA,CCO\nB,CCN\nC,CCC\nD,CO\n")
    records, failures = parse("ddi-tsv", files, OPTIONS)
    assert records["id"].to_pylist()[:2] == ["A|B", "C|D"] and len(records) == 4
    assert records["source_rows"].to_pylist()[:2] == [2, 1]
    assert [failure.where for failure in failures] == ["pairs.tsv.gz, line 5"]


def test_smiles_with_labels(parse, tmp_path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"CCO,CCN,1\r\nCCN,CCO,1\r\nC,CC,1\r\nC,CCO,0\r\n")
    records, failures = parse("ddi-tsv", {"pairs": path}, OPTIONS)
    assert not failures and records["id"].to_pylist()[:2] == ["C|CC", "CCN|CCO"]
    assert records["source_rows"].to_pylist()[:2] == [1, 2]


class TestRealTables:
    @pytest.fixture
    def folder(self, real_data):
        return real_data / "ddi"

    def counts(self, records) -> tuple[int, int, int]:
        """Pairs, rows that state them, drugs; of the positives, once the negatives are found as many."""
        positive = records.filter(pc.invert(records["drawn"]))
        assert len(records) == 2 * len(positive)
        pairs = [frozenset(name.split("|")) for name in records["id"].to_pylist()]
        assert len(set(pairs)) == len(pairs) and all(len(pair) == 2 for pair in pairs)
        drugs = {name for pair in pairs[: len(positive)] for name in pair}
        return len(positive), pc.sum(positive["source_rows"]).as_py(), len(drugs)

    def test_chchminer_of_miracle_repeats_itself(self, parse, folder) -> None:
        files = {name: folder / "miracle" / f"ChChMiner_{name}.csv" for name in ("train", "valid", "test")}
        records, failures = parse("miracle-ddi", files, OPTIONS)
        assert not failures and self.counts(records) == (21082, 12784 + 4178 + 4524, 949)

    def test_zhang_of_miracle_has_its_columns_swapped_and_its_test_in_validation(self, parse, folder) -> None:
        files = {name: folder / "miracle" / f"ZhangDDI_{name}.csv" for name in ("valid", "test")}
        records, failures = parse("miracle-ddi", files, OPTIONS)
        assert not failures and self.counts(records) == (6610, 5465 + 4249, 519)

    def test_zhang_of_the_matrix(self, parse, folder) -> None:
        files = {
            "matrix": folder / "zhang2017_raw" / "drug_drug_matrix.csv",
            "drugs": folder / "miracle" / "drug_list_zhang.csv",
        }
        records, failures = parse("ddi-matrix", files, OPTIONS)
        assert not failures and self.counts(records) == (47735, 47735, 544)  # of 48,584 pairs of 548 drugs

    def test_chchminer_of_snap(self, parse, folder) -> None:
        files = {
            "pairs": folder / "snap_chchminer_raw" / "ChCh-Miner_durgbank-chem-chem.tsv.gz",
            "drugs": folder / "miracle" / "drug_list_miner.csv",
        }
        records, failures = parse("ddi-tsv", files, OPTIONS)
        assert not failures and self.counts(records) == (21308, 21308, 962)  # of 48,514 pairs of 1,514 drugs

    def test_deepddi_sample(self, parse, folder) -> None:
        records, failures = parse("ddi-tsv", {"pairs": folder / "deeptme" / "DeepDDI_first2000.csv"}, OPTIONS)
        assert not failures and self.counts(records)[:2] == (1218, 1218)
