"""A file of predictions that a reader drops is scored in the page as the package scores it."""

import io
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.evaluation.result import Stored, read_results
from molbench.metrics import METRICS
from molbench.numbers import plain
from molbench.site.evidence import Evidence
from molbench.site.write import write_site
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.submission.predictions import write_predictions
from tests.leaderboard.conftest import write_result
from tests.leaderboard.tables import records_of

pytestmark = pytest.mark.slow
TASK = "tasks/xtb-molecules--homo.html"
KINDS = {"forces": "xtb-dynamics/ethanol", "spectrum": "xtb-spectra/uv"}
_DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
    const event = new DragEvent("drop", {dataTransfer: files, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
}"""


def _drop(page: Any, given: str | bytes) -> str:
    content = given.encode() if isinstance(given, str) else given
    page.locator("#answer").evaluate("answer => answer.textContent = ''")
    page.evaluate(_DROP, ["mine", b64encode(content).decode()])
    page.locator("#answer:not(:empty)").wait_for()
    return page.locator("#answer").inner_text()


def test_a_dropped_file_is_scored_or_refused_with_its_line(visit, real, real_site) -> None:
    page = visit(TASK, real_site)
    stored = real[1].runs["xtb-molecules/homo", "probe", "good"][0]
    pairs = list(zip(stored.predictions.ids, stored.predictions.prediction, strict=True))
    lines = ["id,prediction", *(f"{name},{float(value)!r}" for name, value in pairs)]
    good = _drop(page, "\n".join(lines))
    value = stored.result.metrics["mae"].value
    # Hand-made predictions are in kcal/mol.
    assert f"mae: {plain(value)} kcal/mol" in good and "200 records; 0 of 2 models" in good
    assert _drop(page, "\r\n".join([lines[0], *reversed(lines[1:])])) == good
    for told, text in _malformed(lines).items():
        assert told in _drop(page, text)
    assert "<img src=x>" in _drop(page, "id,prediction\n<img src=x>,1")
    assert page.locator("#answer img").count() == 0


def _malformed(lines: list[str]) -> dict[str, str]:
    """What is told of each way to spoil a file; the first record is r0, the last r199."""
    head, first, *rest = lines
    value = first.partition(",")[2]

    def of(header: str, row: str, more: list[str] | None = None) -> str:
        return "\n".join([header, row, *(rest if more is None else more)])

    wide = [f"{line},eV" for line in rest]
    return {
        "no column 'id'; it has: a, b": "a,b\n1,2",
        "it has: id;prediction": "id;prediction\nr0;1",
        "no rows": head + "\n",
        "no column 'id'; it has:": "",
        "unknown column 'seeds'": of("id,prediction,seeds", "r0,1,0"),
        "two columns are called 'id'": of("id,prediction,id", "r0,1,r0"),
        "line 3: 2 cells where the header has 3": of("id,prediction,unit", "r0,1,eV"),
        "line 202, column 'id': 'x' is no test record": "\n".join([*lines, "x,1"]),
        "line 204, column 'id': 'x' is no test record": "\n".join([*lines, "", "", "x,1"]),
        "line 202, column 'id': 'r0' has a prediction already, in line 2": "\n".join([*lines, first]),
        "line 2, column 'prediction': 'nan' is no finite number": of(head, "r0,nan"),
        "line 2, column 'prediction': '1e999' is no finite number": of(head, "r0,1e999"),
        "line 2, column 'prediction': '0x10' is no finite number": of(head, "r0,0x10"),
        "line 2, column 'prediction': is empty": of(head, "r0,"),
        "line 2, column 'seed': 'first' is no seed": of("id,prediction,seed", "r0,1,first", []),
        "line 2, column 'unit': 'D' does not convert to": of("id,prediction,unit", "r0,1,D", wide),
        "none of its 1 rows is of xtb-molecules/homo": of("task,id,prediction", "xtb-molecules/mu,r0,1", []),
        "no prediction for 'r199' of seed 0 (1 of 200 missing)": "\n".join(lines[:-1]),
        "of seed 1 (199 of 200 missing)": "\n".join(
            ["id,prediction,seed", *(f"{line},0" for line in lines[1:]), f"r0,{value},1"]
        ),
        "mine: cannot be read as Parquet: ": "PAR1\x15\x04",
    }


def test_what_the_template_writes_and_score_reads_is_scored(visit, real, real_site) -> None:
    """Rows of several tasks and seeds, in any order, quoted, with a unit of their own."""
    page = visit(TASK, real_site)
    stored = real[1].runs["xtb-molecules/homo", "probe", "good"][0]
    lines = ['"task","seed","id","prediction","unit"', '"xtb-molecules/mu",0,"r0",3,"D"']
    for seed in (1, 0):
        for name, value in zip(stored.predictions.ids, stored.predictions.prediction, strict=True):
            given = float(value) * 4.184  # hand-made predictions are in kcal/mol
            lines.append(f'"xtb-molecules/homo",{seed},"{name}",{given!r},"kJ/mol"')
    told = _drop(page, "\ufeff" + "\r\n".join(lines))
    assert f"mae: {plain(stored.result.metrics['mae'].value)} kcal/mol" in told
    assert "a mean over 2 seeds" in told and "1 rows are of other tasks" in told
    with page.expect_download() as download:
        page.locator("#template").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[0] == "task,seed,id,prediction,unit" and rows[1] == "xtb-molecules/homo,0,r0,,kcal/mol"
    assert "line 2, column 'prediction': is empty" in _drop(page, "\n".join(rows))


def test_metrics_of_the_page_are_those_of_the_package(visit, real_site) -> None:
    page, rng = visit(TASK, real_site), np.random.default_rng(0)
    values = rng.normal(size=60).round(1)
    classes = (rng.random(60) < 0.4).astype(float)
    guess = (values + rng.normal(size=60)).round(1)
    probability = np.clip((classes * 0.4 + rng.random(60) * 0.6).round(1), 0, 1)
    known = page.evaluate("Object.keys(molbench.metrics)")
    assert {"mae", "auroc", "force_mae", "spectral_cosine"} <= set(known)
    spectra = np.abs(values.reshape(12, 5)), np.abs(guess.reshape(12, 5))
    spectra[1][3] = 0  # no angle
    families = {"classification": (classes, probability), "spectrum": spectra}
    for name in known:
        target, prediction = families.get(METRICS[name].family, (values, guess))
        found = page.evaluate(
            f"([y, p]) => molbench.metrics['{name}'](y, p)", [target.tolist(), prediction.tolist()]
        )
        assert found == pytest.approx(METRICS[name](target, prediction), rel=1e-9), name


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Stored]]:
    """Pages of a task of forces and one of spectra, and a result of each."""
    root, pages = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("pages") / "site"
    for kind, task in KINDS.items():
        for seed in range(2):
            write_result(root, "good", task, seed, 0.2, kind=kind)
    stored = read_results(root)
    board = Board(name="k", title="Kinds", description="d", tasks=list(KINDS.values()), seeds=2)
    write_site(records_of(board, stored), Evidence.of(stored), Catalogue.load(), pages)
    return pages, {one.result.task.id: one for one in stored if one.result.seed == 0}


def _columns(stored: Stored) -> dict[str, list[Any]]:
    """What a table has to say of a result, in the order that nobody promised."""
    own = stored.predictions
    columns = {"id": list(own.ids), "prediction": own.prediction.tolist()}
    if own.forces:
        columns["forces"] = [
            part.tolist() for part in np.split(own.forces.prediction.astype(float), own.forces.offsets[1:-1])
        ]
    return {name: values[::-1] for name, values in columns.items()}


def _csv(columns: dict[str, list[Any]]) -> str:
    def cell(value: Any) -> str:
        return " ".join(map(repr, value)) if isinstance(value, list) else str(value)

    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(cell, row)) for row in rows)])


def _parquet(columns: dict[str, list[Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def _told(page: Any) -> dict[str, float]:
    return json.loads(page.locator("#answer").get_attribute("data-values"))


def _holds(page: Any, given: str | bytes, stored: Stored) -> None:
    text = _drop(page, given)
    assert "200 records" in text, text
    assert _told(page) == pytest.approx(
        {name: value.value for name, value in stored.result.metrics.items()}, rel=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_forces_and_spectra_are_scored_as_the_package_scores_them(kind: str, visit, both, tmp_path) -> None:
    pages, results = both
    stored = results[KINDS[kind]]
    page = visit(f"tasks/{KINDS[kind].replace('/', '--')}.html", pages)
    columns = _columns(stored)
    _holds(page, _csv(columns), stored)
    for options in ({"compression": "zstd"}, {"compression": "snappy"}, {"use_dictionary": False}):
        _holds(page, _parquet(columns, **options), stored)
    _holds(page, (stored.folder / "predictions.parquet").read_bytes(), stored)
    write_predictions(tmp_path / "packed.parquet", {0: stored.predictions})
    _holds(page, (tmp_path / "packed.parquet").read_bytes(), stored)
    assert "cannot be read as Parquet: " in _drop(page, _parquet(columns, compression="gzip"))
    assert "cannot be read as Parquet: " in _drop(page, _parquet(columns)[:-200])
    with page.expect_download() as download:
        page.locator("#template").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[0] == "task,seed,id,prediction,unit" + (",forces,force_unit" if kind == "forces" else "")
    assert "line 2, column 'prediction': is empty" in _drop(page, "\n".join(rows))


def test_what_is_wrong_with_many_numbers_is_told_with_their_place(visit, both) -> None:
    pages, results = both
    spectra, forces = (_columns(results[KINDS[kind]]) for kind in ("spectrum", "forces"))
    page = visit("tasks/xtb-spectra--uv.html", pages)
    last = spectra["prediction"][0]
    for row, told in {
        "1 2": "line 2, column 'prediction': 2 numbers where there are 3 points",
        "1 2 x": "line 2, column 'prediction': 'x' is no finite number",
        "1 2 nan": "'nan' is no finite number",
        "": "line 2, column 'prediction': is empty",
        "[]": "line 2, column 'prediction': is empty",
    }.items():
        assert told in _drop(page, _csv(spectra | {"prediction": [row, *spectra["prediction"][1:]]}))
    short = spectra | {"prediction": [last[:2], *spectra["prediction"][1:]]}
    assert "row 0, column 'prediction': 2 numbers where there are 3 points" in _drop(page, _parquet(short))
    assert "no column 'prediction'" in _drop(page, _parquet({"id": spectra["id"]}))
    twice = {name: [*values, values[0]] for name, values in spectra.items()}
    assert "row 200, column 'id': 'r199' has a prediction already, in row 0" in _drop(page, _parquet(twice))
    bare = spectra | {"prediction": [1.0] * 200}
    assert "row 0, column 'prediction': is no list of numbers" in _drop(page, _parquet(bare))

    page = visit("tasks/xtb-dynamics--ethanol.html", pages)
    assert "no column 'forces', which a task of this kind needs" in _drop(
        page, _csv({name: forces[name] for name in ("id", "prediction")})
    )
    short = forces | {"forces": [forces["forces"][0][:2], *forces["forces"][1:]]}
    told = "column 'forces': 2 numbers where there are 3 numbers, three for each atom"
    assert f"line 2, {told}" in _drop(page, _csv(short)) and f"row 0, {told}" in _drop(page, _parquet(short))
    wide = forces | {"force_unit": ["eV"] * 200}
    assert "line 2, column 'force_unit': 'eV' does not convert to kcal/mol/Å" in _drop(page, _csv(wide))
    scaled = forces | {"force_unit": ["kJ/mol/Å"] * 200, "unit": ["kJ/mol"] * 200}
    scaled["prediction"] = [4.184 * value for value in forces["prediction"]]
    scaled["forces"] = [[4.184 * value for value in own] for own in forces["forces"]]
    _holds(page, _parquet(scaled), results[KINDS["forces"]])
    _holds(page, _csv(scaled), results[KINDS["forces"]])
