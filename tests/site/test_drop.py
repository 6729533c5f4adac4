"""A file of predictions that a reader drops is scored in the page as the package scores it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molbench.metrics import METRICS
from molbench.numbers import plain

pytestmark = pytest.mark.slow
TASK = "tasks/xtb-molecules--homo.html"
_DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name));
    const event = new DragEvent("drop", {dataTransfer: files, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
}"""


def _drop(page: Any, text: str) -> str:
    page.locator("#answer").evaluate("answer => answer.textContent = ''")
    page.evaluate(_DROP, ["mine.csv", text])
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
        "`molbench score` reads it": "PAR1\x15\x04",
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
    assert {"mae", "auroc"} <= set(known)
    for name in known:
        target, prediction = (
            (values, guess) if METRICS[name].family == "regression" else (classes, probability)
        )
        found = page.evaluate(
            f"([y, p]) => molbench.metrics['{name}'](y, p)", [target.tolist(), prediction.tolist()]
        )
        assert found == pytest.approx(METRICS[name](target, prediction), rel=1e-9), name
