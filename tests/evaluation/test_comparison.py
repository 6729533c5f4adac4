"""Models compared task by task: what is paired, what is told, and what is refused."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from molbench.errors import UserError
from molbench.evaluation.comparison.compare import compare, compare_results
from molbench.evaluation.comparison.model_results import ModelResults
from molbench.evaluation.comparison.tables import WRITERS, cells, comparison_html, header
from molbench.spec.fingerprint import FINGERPRINT, Boosting
from tests.evaluation.results import made
from tests.leaderboard.conftest import write_result

N = 60
HOSTILE = "a|b<img src=x>$\\alpha$`c`&\u202e_"


def side(name: str, errors: np.ndarray, tasks: list[str], scheme: str = "random") -> ModelResults:
    """A model with errors [tasks, seeds, n]."""
    runs = {
        (task, "probe"): {
            seed: made(np.abs(errors[t, seed]), name, seed, task=task, scheme=scheme)
            for seed in range(errors.shape[1])
        }
        for t, task in enumerate(tasks)
    }
    return ModelResults(name, name, Path(name), runs)


def drawn(seed: int, tasks: int, seeds: int, level: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(0).exponential(size=(tasks, 1, N))
    return level * hard + 0.1 * rng.exponential(size=(tasks, seeds, N)) + 0.05 * rng.random((tasks, seeds, 1))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.floats(0.5, 2.0))
def test_swapping_two_models_changes_the_sign_and_nothing_else(
    seed: int, tasks: int, own: int, other: int, level: float
) -> None:
    names = [f"d/t{i}" for i in range(tasks)]
    a, b = side("a", drawn(seed, tasks, own, level), names), side("b", drawn(seed + 1, tasks, other), names)
    opposite = {"better": "worse", "worse": "better"}
    for one, two in zip(compare_results(a, [b]).rows, compare_results(b, [a]).rows, strict=True):
        assert one.delta.value == -two.delta.value
        assert (one.mean_a, one.seeds_a) == (two.mean_b, two.seeds_b)
        numbers = ("half_width", "p", "p_adjusted", "detectable", "detectable_later")
        ours, theirs = ({name: getattr(row.delta, name) or 0.0 for name in numbers} for row in (one, two))
        assert ours == pytest.approx(theirs, rel=1e-9)
        assert opposite.get(one.delta.verdict, one.delta.verdict) == two.delta.verdict


def test_p_values_are_adjusted_for_all_rows() -> None:
    names = [f"d/t{i}" for i in range(5)]
    others = [side(f"b{i}", drawn(i + 1, 5, 3, 1.0 + 0.02 * i), names) for i in range(3)]
    rows = compare_results(side("a", drawn(0, 5, 3), names), others).rows
    assert len(rows) == 15
    expected = multipletests([row.delta.p for row in rows], method="holm")[1]
    assert [row.delta.p_adjusted for row in rows] == pytest.approx(expected.tolist())


def test_records_are_paired() -> None:
    """What is hard for both cancels: the interval is much narrower than that of two scores apart."""
    a, b = side("a", drawn(1, 1, 3, 1.00), ["d/t"]), side("b", drawn(2, 1, 3, 1.05), ["d/t"])
    (row,) = compare_results(a, [b]).rows
    alone = np.std(drawn(1, 1, 3)[0].mean(axis=0)) / np.sqrt(N)
    assert row.delta.half_width < 1.96 * alone * np.sqrt(2)
    assert row.delta.value == pytest.approx(row.mean_a - row.mean_b)


def test_a_model_ties_with_itself() -> None:
    a = side("a", drawn(1, 3, 3), ["d/t0", "d/t1", "d/t2"])
    comparison = compare_results(a, [ModelResults("again", "a", Path("again"), a.runs)])
    assert [row.delta.value for row in comparison.rows] == [0, 0, 0]
    tally = comparison.tally(("a", "again"))
    assert (tally.wins, tally.ties, tally.losses, tally.untold) == (0, 3, 0, 0)


def test_one_seed_tells_nothing() -> None:
    a, b = side("a", drawn(1, 1, 1, 0.1), ["d/t"]), side("b", drawn(2, 1, 3), ["d/t"])
    comparison = compare_results(a, [b])
    assert comparison.rows[0].delta.verdict == "needs more seeds" and comparison.rows[0].delta.p is None
    assert comparison.tally(("a", "b")).untold == 1


def test_other_records_are_left_out_and_the_rest_stands() -> None:
    a, b = side("a", drawn(1, 2, 2), ["d/t", "d/u"]), side("b", drawn(2, 2, 2), ["d/t", "d/u"])
    b.runs["d/t", "probe"] = {0: made(np.ones(N), "b", 0, ids=[f"x{i}" for i in range(N)])}
    comparison = compare_results(a, [b])
    assert [row.task for row in comparison.rows] == ["d/u"]
    assert [left.task for left in comparison.omitted] == ["d/t"]
    assert "not made on the same test records" in comparison.omitted[0].reason


def test_what_else_differs_is_pointed_out(tmp_path: Path) -> None:
    for seed in range(2):
        write_result(tmp_path / "old", "m", seed=seed, environment={"torch": "2.7"}, digest="before")
        write_result(tmp_path / "new", "m", seed=seed, environment={"torch": "2.8"}, code="0.2.0/2")
    comparison = compare(tmp_path / "old", tmp_path / "new")
    told = {item.what: (item.a, item.b) for item in comparison.contrasts[comparison.pairs[0]]}
    assert told == {
        "environment torch": ("2.7", "2.8"),
        "code": ("0.1.0/1", "0.2.0/2"),
        "records of data": ("before", "d"),
    }


def test_of_another_protocol_the_name_is_told_and_several_are_a_column(tmp_path: Path) -> None:
    for seed in range(2):
        write_result(tmp_path, "one", seed=seed)
        write_result(tmp_path, FINGERPRINT, seed=seed, protocol=Boosting())
        write_result(tmp_path, "two", seed=seed)
    comparison = compare("one", FINGERPRINT, results=tmp_path)
    assert [(c.what, c.a, c.b) for c in comparison.contrasts[comparison.pairs[0]]] == [
        ("protocol", "probe", FINGERPRINT)
    ]
    assert "protocol" not in header(comparison)
    both = compare("one", FINGERPRINT, "two", results=tmp_path)
    assert header(both)[:2] == ["task", "protocol"]
    assert [cells(both, row)[1] for row in both.rows] == ["probe / fingerprint", "probe"]


def test_tasks_of_one_model_only_are_named(tmp_path: Path) -> None:
    for task in ("data/a", "data/b"):
        write_result(tmp_path, "one", task)
    write_result(tmp_path, "two", "data/b")
    comparison = compare("one", "two", results=tmp_path)
    assert [(left.task, left.reason) for left in comparison.omitted] == [
        ("data/a", "two has no result under probe")
    ]
    assert len(compare("one", "two", results=tmp_path, tasks="*/b").rows) == 1
    with pytest.raises(UserError, match=r"data/a, two: two has no result"):
        compare(tmp_path / "one" / "data" / "a", "two", results=tmp_path)


def test_a_damaged_result_is_set_aside(tmp_path: Path) -> None:
    for model in ("one", "two"):
        for seed in range(3):
            write_result(tmp_path, model, seed=seed)
    (tmp_path / "one/data/a/probe/2/result.json").write_text("{")
    (tmp_path / "two/data/a/probe/1/result.json").write_bytes(b"\xff")
    comparison = compare("one", "two", results=tmp_path)
    assert comparison.rows[0].seeds_a == (0, 1) and comparison.rows[0].seeds_b == (0, 2)
    assert len(comparison.damaged) == 2
    (tmp_path / "one/data/a/probe/0/predictions.parquet").write_bytes(b"PAR1")
    comparison = compare("one", "two", results=tmp_path)
    assert comparison.rows[0].seeds_a == (1,)
    assert "damaged predictions" in comparison.damaged[tmp_path / "one/data/a/probe/0"]
    (tmp_path / "one/data/a/probe/1/predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"3 left out, such as .*one/data/a/probe/0: "):
        compare("one", "two", results=tmp_path)


def test_a_folder_of_several_models_gives_all_but_baselines(tmp_path: Path) -> None:
    for model in ("c", "b", "scratch-b"):
        write_result(tmp_path / "others", model)
    write_result(tmp_path, "a")
    assert compare(tmp_path / "a", tmp_path / "others").pairs == [("a", "b"), ("a", "c")]
    assert compare(tmp_path / "a", tmp_path / "others/scratch-b").pairs == [("a", "scratch-b")]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ((), "two models are needed"),
        (("a",), "two models are needed"),
        (("a", "none"), "no folder of results"),
        (("a", "a"), "named twice"),
        (("a", "empty"), "no results"),
        ((".", "a"), "name one of them first"),
        (("a", "file.pt"), "molbench evaluate"),
    ],
)
def test_mistakes_are_explained(models: tuple[str, ...], message: str, tmp_path: Path) -> None:
    for model in ("a", "b"):
        write_result(tmp_path, model)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.pt").touch()
    with pytest.raises(UserError, match=re.escape(message)):
        compare(*(tmp_path / model for model in models))


def test_names_are_shown_and_do_nothing() -> None:
    names = ["d/t"]
    others = [side(HOSTILE, drawn(2, 1, 2), names), side("c", drawn(3, 1, 2), names)]
    comparison = compare_results(side("a", drawn(1, 1, 2), names), others)
    written = {form: write(comparison) for form, write in WRITERS.items()} | {
        "html": comparison_html(comparison)
    }
    assert all("\u202e" not in text for text in written.values())
    assert "<img" not in written["html"] and "<img" not in written["md"]
    assert re.search(r"(?<!\\)\$\\alpha", written["latex"]) is None
    first, second = csv.DictReader(io.StringIO(written["csv"]))
    assert float(first["difference"]) == comparison.rows[0].delta.value and second["b"] == "c"
    content = json.loads(written["json"])
    assert [pair["b"] for pair in content["pairs"]] == [HOSTILE, "c"]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_figure_has_its_numbers_beside_it(suffix: str, tmp_path: Path) -> None:
    names = ["d/t", "d/$x_1^$"]
    comparison = compare_results(
        side("a", drawn(1, 2, 2), names),
        [side(HOSTILE, drawn(2, 2, 2), names), side("c", drawn(3, 2, 1), names)],
    )
    figure, table = comparison.plot(tmp_path / f"figure.{suffix}")
    before = figure.read_bytes()
    assert len(list(csv.DictReader(table.open(encoding="utf-8")))) == 4
    comparison.plot(str(figure))
    assert figure.read_bytes() == before


def test_other_formats_of_figures_are_refused(tmp_path: Path) -> None:
    comparison = compare_results(side("a", drawn(1, 1, 2), ["d/t"]), [side("b", drawn(2, 1, 2), ["d/t"])])
    with pytest.raises(UserError, match=r"ends in \.png, \.svg, \.pdf"):
        comparison.plot(tmp_path / "figure.gif")
    assert not list(tmp_path.iterdir())


def test_a_comparison_is_a_table() -> None:
    a, b = (side(name, drawn(i, 2, 2), ["d/t", "d/u"]) for i, name in enumerate("ab"))
    comparison = compare_results(a, [b])
    frame = comparison.to_pandas()
    assert list(frame["task"]) == ["d/t", "d/u"] and {"difference", "half_width", "p_adjusted"} <= set(frame)
    assert repr(comparison) == "<Comparison: a - b; 2 differences, 0 left out>"
