"""Spectra of QM9S joined with the structures, from made-up files of exactly the published layout."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.qm9s import GRIDS
from molbench.errors import UserError
from tests.data.build.parsers.qm9s_files import archive, broadened, molecule, spectrum, table, write


@pytest.mark.parametrize("shards", [1, 3])
def test_every_spectrum_is_beside_its_molecule(parse, tmp_path, shards: int) -> None:
    records, failures = parse("qm9s-broadened", write(tmp_path, 5), shards=shards)
    assert not failures and records["id"].to_pylist() == [f"qm9s_{i}" for i in range(1, 6)]
    for number, record in enumerate(records.to_pylist(), start=1):
        assert record["smiles"] == molecule(number)["smiles"]
        assert np.allclose(record["positions"], molecule(number)["positions"])
        for name in GRIDS:
            assert np.array_equal(record[name], spectrum(number, name).astype(np.float32)), name


def test_the_grids_are_those_that_the_first_values_were_published_with(real_data) -> None:
    published = json.loads((real_data / "qm9s" / "first_values_observed.json").read_text())
    for name, grid in GRIDS.items():
        entry = published[f"{name}_boraden.csv"]
        assert entry["columns"] == grid.points + 1 and entry["rows"] == 129_817
    assert [grid.stop for grid in GRIDS.values()] == pytest.approx([15.0, 4000.0, 4000.0])
    assert published["ir_boraden.csv"]["grid"].startswith("500..4000 cm-1 step 1 ")


def test_line_ends_and_the_other_spelling_do_not_matter(parse, tmp_path) -> None:
    paths = write(tmp_path, 3)
    paths[1].write_bytes(broadened("uv", range(1, 4), "\r\n").encode())
    paths[2] = paths[2].rename(tmp_path / "ir_broaden.csv")
    paths[3].write_text(paths[3].read_text().rstrip())
    records, failures = parse("qm9s-broadened", paths, shards=2)
    assert not failures and len(records) == 3


def test_a_table_with_fewer_rows_is_refused_with_all_counts(parse, tmp_path) -> None:
    paths = write(tmp_path, 5)
    paths[2].write_text(broadened("ir", range(1, 4)))
    counts = r"uv_boraden\.csv 5, ir_boraden\.csv 3, raman_boraden\.csv 5, qm9s_csv\.zip 5"
    with pytest.raises(UserError, match=counts):
        parse("qm9s-broadened", paths)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda s: s.replace("\n2,", "\n3,"), "row 2 has index 3: rows are missing or out of order"),
        (lambda s: s.replace("\n2,", "\ntwo,"), "row 2 does not begin with its index"),
        (lambda s: s.replace("\n2,", "\n\n2,"), "an empty line before row 2"),
        (lambda s: s.replace("501.0,502.0", "502.0,501.0"), "maybe in another order"),
        (lambda s: s.replace("500.0,501.0", "501.0"), "it has 3,500 points from 501 to 4000"),
        (lambda s: s.replace("500.0", "smiles"), "the first line is not 3,501 points from 500 to 4000 cm⁻¹"),
        (lambda s: s.partition("\n")[2], "the first line"),
        (lambda s: s.partition("\n")[0], "a header and no rows"),
        (lambda s: "", "empty"),
        (lambda s: "x" * (1 << 20), "a line of more than a million characters"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(parse, tmp_path, damage, reason: str) -> None:
    paths = write(tmp_path, 4)
    paths[2].write_text(damage(paths[2].read_text()))
    with pytest.raises(UserError, match=reason):
        parse("qm9s-broadened", paths)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda s: s.replace("\n1,", "\n1,7,"), "uv: 702 numbers instead of 701"),
        (lambda s: s.replace("\n1,", "\n1,1e39,").replace("\n2,", ",\n2,"), "uv"),
        (lambda s: s.replace("\n1,0.", "\n1,x0."), "not a number: 'x0."),
        (lambda s: s.replace("\n1,", "\n1,\N{GREEK SMALL LETTER MU}"), "not a number"),
    ],
)
def test_a_bad_row_is_a_failure_and_the_others_are_read(parse, tmp_path, damage, reason: str) -> None:
    paths = write(tmp_path, 4)
    paths[1].write_text(damage(paths[1].read_text()))
    records, failures = parse("qm9s-broadened", paths)
    assert records["id"].to_pylist() == ["qm9s_1", "qm9s_3", "qm9s_4"]
    assert [failure.id for failure in failures] == ["qm9s_2"] and reason in failures[0].reason
    assert failures[0].where == "row 1 and 000002.csv"


def test_a_number_too_large_to_be_stored_is_a_failure(parse, tmp_path) -> None:
    paths = write(tmp_path, 2)
    lines = paths[1].read_text().splitlines()
    lines[1] = ",".join(["0", "1e39", *lines[1].split(",")[2:]])
    paths[1].write_text("\n".join(lines))
    _, failures = parse("qm9s-broadened", paths)
    assert [failure.reason for failure in failures] == ["uv holds a number that is missing or not finite"]


def test_a_molecule_of_another_number_is_a_failure(parse, tmp_path) -> None:
    paths = write(tmp_path, 3)
    tables = {f"{i:06d}.csv": table(molecule(i)) for i in (1, 2, 3)}
    tables["000002.csv"] = tables["000003.csv"]
    archive(paths[0], tables)
    records, failures = parse("qm9s-broadened", paths)
    assert len(records) == 2 and "says that it is of molecule 3" in failures[0].reason


def test_an_archive_with_a_gap_is_refused(parse, tmp_path) -> None:
    paths = write(tmp_path, 3)
    archive(paths[0], {f"{i:06d}.csv": table(molecule(i)) for i in (1, 2, 4)})
    with pytest.raises(UserError, match="no file for molecule 3"):
        parse("qm9s-broadened", paths)


@settings(deadline=None, max_examples=20)
@given(share=st.floats(0.01, 0.99))
def test_a_table_that_is_cut_short_is_noticed(parse, tmp_path_factory, share: float) -> None:
    paths = write(tmp_path_factory.mktemp("cut"), 4)
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: int(share * len(content))])
    try:
        _, failures = parse("qm9s-broadened", paths)
    except UserError:
        return
    assert failures
