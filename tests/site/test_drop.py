"""A file of predictions that a reader drops is scored in the page as the package scores it."""

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
    refused = {
        "line 1: the columns must be called id and prediction": "a,b\n1,2",
        "line 202: 'x' is no test record": "\n".join([*lines, "x,1"]),
        "line 202: 'r0' stands twice": "\n".join([*lines, lines[1]]),
        "line 2: 'nan' is no finite number": "\n".join([lines[0], "r0,nan", *lines[2:]]),
        "no prediction for 'r199' (1 missing)": "\n".join(lines[:-1]),
        "line 2: '' is no finite number": "\n".join([lines[0], "r0,", *lines[2:]]),
    }
    for told, text in refused.items():
        assert told in _drop(page, text)
    assert "<img src=x>" in _drop(page, "id,prediction\n<img src=x>,1")
    assert page.locator("#answer img").count() == 0


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
