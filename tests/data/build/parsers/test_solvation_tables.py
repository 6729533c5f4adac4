"""CombiSolv, MNSol and FreeSolv."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.cells import canonical
from molbench.errors import UserError

SMILES = ["O", "CCO", "c1ccccc1", "[H][H]", "C[C@H](N)C(=O)O"]
pair = st.tuples(st.sampled_from(SMILES), st.sampled_from(SMILES), st.floats(-50, 50))
LAYOUTS = {
    "official": ("smiles_solvent", "smiles_solute", "dGsolv_avg [kcal/mol]", "Source_all"),
    "copy": ("smiles_solvent", "smiles_solute", "dGsolv_avg", "Source_all"),
    "numbers": ("0", "1", "dGsolv_avg", "7"),
    "computed": ("mol solvent", "mol solute", "target Gsolv kcal", "Source_all"),
}


def combisolv(
    folder, pairs, layout="official", delimiter=",", order=(0, 1, 2, 3), source="Abraham Paper (A6)"
):
    lines = [LAYOUTS[layout], *((b, a, repr(value), f"['{source}']") for a, b, value in pairs)]
    path = folder / "table.csv"
    path.write_text("".join(delimiter.join(line[i] for i in order) + "\r\n" for line in lines))
    return [path]


@settings(deadline=None, max_examples=40)
@given(
    pairs=st.lists(pair, max_size=20),
    layout=st.sampled_from(sorted(LAYOUTS)),
    delimiter=st.sampled_from(",\t"),
    order=st.permutations(range(4)),
)
def test_every_layout_gives_solute_then_solvent(
    parse, tmp_path_factory, pairs, layout, delimiter, order
) -> None:
    files = combisolv(tmp_path_factory.mktemp("table"), pairs, layout, delimiter, order)
    records, failures = parse("combisolv", files)
    assert not failures
    assert [(r["a_smiles"], r["b_smiles"], r["dg_solv"]) for r in records.to_pylist()] == pairs
    assert records["id"].to_pylist() == [f"{a}|{b}" for a, b, _ in pairs]


@settings(deadline=None, max_examples=30)
@given(pairs=st.lists(pair, max_size=20))
def test_joined_smiles_are_solvent_then_solute(parse, tmp_path_factory, pairs) -> None:
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("ssid,dgsolv\n" + "".join(f"{b}.{a},{value!r}\n" for a, b, value in pairs))
    records, failures = parse("combisolv", [path])
    assert not failures
    assert [(r["a_smiles"], r["b_smiles"], r["dg_solv"]) for r in records.to_pylist()] == pairs


def test_rows_are_chosen_by_a_source_among_others(parse, tmp_path) -> None:
    files = combisolv(tmp_path, [("CCO", "O", -1.0)], source="CompSol Binary (1)', 'Abraham Paper (A6)")
    assert len(parse("combisolv", files, {"source": "compsol"}).table) == 1
    assert len(parse("combisolv", files, {"source": "freesolv"}).table) == 0
    with pytest.raises(UserError, match="'abraham', 'compsol' or 'freesolv'"):
        parse("combisolv", files, {"source": "mnsol"})
    files[0].write_text("ssid,dgsolv\nC.O,1\n")
    with pytest.raises(UserError, match="does not say where"):
        parse("combisolv", files, {"source": "compsol"})


@pytest.mark.parametrize(
    ("ssid", "reason"),
    [("CCO", "not solvent.solute"), ("C.C.C", "not solvent.solute"), ("C.Q", "SMILES of the solute: 'Q'")],
)
def test_what_is_not_two_molecules_is_a_failure(parse, tmp_path, ssid: str, reason: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"ssid,dgsolv\n{ssid},1.0\nO.C,2.0\nO.CC,\n")
    records, failures = parse("combisolv", [path])
    assert records["id"].to_pylist() == ["C|O"]
    assert reason in failures[0].reason and "not a number" in failures[1].reason


MNSOL = "No.\tSoluteName\tCharge\tSolvent\tDeltaGsolv\ttype\tSMILES1\tSMILES2\n"


def test_transfer_energies_and_ions_of_mnsol_are_left_out(parse, tmp_path) -> None:
    path = tmp_path / "MNSol_alldata.txt"
    rows = ["1\tn-octane\t0\twater\t2.9\tabs\tCCCCCCCC\tO\n", "2\tx\t0\toctanol\t-1\trel\tC\tO\n"]
    rows += ["3\tammonium\t1\twater\t-80\tabs\t[NH4+]\tO\n", "4\tx\t0\twater\t1\tother\tC\tO\n"]
    path.write_text(MNSOL + "".join(rows))
    records, failures = parse("mnsol", [path])
    assert records.to_pylist() == [
        {"id": "CCCCCCCC|O", "a_smiles": "CCCCCCCC", "b_smiles": "O", "dg_solv": 2.9}
    ]
    assert [failure.reason for failure in failures] == ["type is abs or rel, not 'other'"]


def test_mnsol_without_smiles_says_what_to_do(parse, tmp_path) -> None:
    path = tmp_path / "MNSol_alldata.txt"
    path.write_text("No.\tSoluteName\tSolvent\tDeltaGsolv\ttype\n1\tx\twater\t1\tabs\n")
    with pytest.raises(UserError, match="add the columns SMILES1"):
        parse("mnsol", [path])


def test_freesolv_comments_blanks_and_bad_lines(parse, tmp_path) -> None:
    path = tmp_path / "database.txt"
    good = "mobley_1; CCO; ethanol; -5.01; 0.6; -3.3; 0.03; doi; doi; a note; with a semicolon\r\n"
    path.write_bytes(
        f"#FreeSolv\r\n\r\n{good}mobley_2; CCO; -5.0\r\nmobley_3; Q; x; 1; 1; 1; 1; d; d\r\n".encode()
    )
    records, failures = parse("freesolv", [path])
    assert records.to_pylist() == [{"id": "mobley_1", "a_smiles": "CCO", "b_smiles": "O", "dg_solv": -5.01}]
    assert [(failure.id, failure.where) for failure in failures] == [
        ("mobley_2", "database.txt, line 4"),
        ("mobley_3", "database.txt, line 5"),
    ]
    path.write_text("#nothing\n")
    with pytest.raises(UserError, match="no compounds"):
        parse("freesolv", [path])


class TestRealTables:
    @pytest.fixture
    def folder(self, real_data):
        return real_data / "solvation"

    @pytest.mark.parametrize(
        ("source", "copy", "count"),
        [
            ("abraham", "Abraham.csv", 6091),
            ("compsol", "Compsol.csv", 3548),
            ("freesolv", "FreeSolv.csv", 560),
        ],
    )
    def test_sources_are_those_of_the_papers(self, parse, folder, source: str, copy: str, count: int) -> None:
        tables = folder / "mrl_cise_amgnn"
        chosen, failures = parse("combisolv", [tables / "exp_data.csv"], {"source": source})
        assert not failures and len(chosen) == count
        assert set(chosen["b_smiles"].to_pylist()) == {"O"} or source != "freesolv"
        numbered, _ = parse("combisolv", [tables / copy], {"source": source})
        assert sorted(numbered["id"].to_pylist()) == sorted(chosen["id"].to_pylist())
        values = [
            dict(zip(t["id"].to_pylist(), t["dg_solv"].to_pylist(), strict=True)) for t in (chosen, numbered)
        ]
        assert all(value == pytest.approx(values[1][name], abs=1e-6) for name, value in values[0].items())

    def test_both_copies_of_combisolv_are_the_same_pairs(self, parse, folder) -> None:
        tables = [
            parse("combisolv", [folder / name]).table
            for name in ("mrl_cise_amgnn/exp_data.csv", "combisolv_solvbert/CombiSolv-Exp-8780.csv")
        ]
        pairs = [
            {(canonical(r["a_smiles"]), canonical(r["b_smiles"])) for r in table.to_pylist()}
            for table in tables
        ]
        assert len(tables[0]) == len(tables[1]) == 8780 == len(pairs[0]) and pairs[0] == pairs[1]
        assert any(canonical(a) == "[H][H]" for a, _ in pairs[0])
        # 309 solvents and 1,415 solutes by their spelling, fewer by what they are.
        spelt = [set(tables[0].column(name).to_pylist()) for name in ("b_smiles", "a_smiles")]
        assert [len(names) for names in spelt] == [309, 1415]
        assert [len({canonical(name) for name in names}) for names in spelt] == [275, 1308]

    def test_computed_pairs(self, parse, folder) -> None:
        path = folder / "combisolv_solvbert" / "training_files" / "QM_1w_train.csv"
        records, failures = parse("combisolv", [path])
        assert len(records) == 8000 and not failures

    def test_freesolv_itself(self, parse, folder) -> None:
        records, failures = parse("freesolv", [folder / "freesolv" / "database.txt"])
        assert len(records) == 642 and not failures and len(set(records["id"].to_pylist())) == 642

    def test_the_sample_of_mnsol(self, parse, folder) -> None:
        records, failures = parse("mnsol", [folder / "mrl_cise_amgnn" / "mnsol_first200.csv"])
        assert len(records) == 200 and not failures
        assert len(set(records["id"].to_pylist())) == 200
