"""Submissions that lie, hide, grow or try to be run: each is refused in one line, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.errors import UserError
from molbench.evaluation.trust import Trust
from molbench.submission.folder import CARD, described_file
from molbench.submission.verify import verify
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.security.conftest import CommandRefused, Refused
from tests.submission.conftest import _packed, submission, trust  # noqa: F401 - fixtures
from tests.submission.packed import read_card, repack, write_card

pytestmark = pytest.mark.slow

SIZE = "predictions/toy/size/probe.parquet"
Attack = Callable[[Path], None]


def _set(*path: str | int, to: Any) -> Attack:
    def forge(folder: Path) -> None:
        card: Any = read_card(folder)
        inner = card
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = to
        write_card(folder, card)

    return forge


def _without(*path: str | int) -> Attack:
    def forge(folder: Path) -> None:
        card: Any = read_card(folder)
        inner = card
        for part in path[:-1]:
            inner = inner[part]
        del inner[path[-1]]
        write_card(folder, card)

    return forge


def _text(change: Callable[[str], str]) -> Attack:
    def forge(folder: Path) -> None:
        path = folder / CARD
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return forge


def _predict(change: Callable[[Any], Any], number: int = 0, seeds: tuple[int, ...] = (0, 1, 2)) -> Attack:
    """Other predictions, which the card knows of."""

    def forge(folder: Path) -> None:
        repack(folder, number, lambda given: {s: change(p) if s in seeds else p for s, p in given.items()})

    return forge


def _table(make: Callable[[pa.Table], pa.Table], number: int = 0) -> Attack:
    """Another table, which the card knows of."""

    def forge(folder: Path) -> None:
        card = read_card(folder)
        path = folder / card["predictions"][number]["file"]
        pq.write_table(make(pq.read_table(path, partitioning=None)), path)
        card["predictions"][number] |= described_file(path, folder)
        write_card(folder, card)

    return forge


def _bytes(content: bytes) -> Attack:
    def forge(folder: Path) -> None:
        (folder / SIZE).write_bytes(content)
        card = read_card(folder)
        card["predictions"][0] |= described_file(folder / SIZE, folder)
        write_card(folder, card)

    return forge


def _column(name: str, values: Callable[[pa.Table], Any]) -> Attack:
    def make(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.get_field_index(name), name, values(table))

    return _table(make)


def _value_at(row: int, value: float) -> Callable[[Any], Any]:
    def change(part: Any) -> Any:
        values = part.prediction.copy()
        values[row] = value
        return replace(part, prediction=values)

    return change


def _link(name: str, target: str) -> Attack:
    def forge(folder: Path) -> None:
        (folder / name).symlink_to(target)

    return forge


def _file(name: str, content: bytes = b"x") -> Attack:
    def forge(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return forge


def _linked_predictions(folder: Path) -> None:
    away = folder.parent.parent / "away.parquet"
    (folder / SIZE).rename(away)
    (folder / SIZE).symlink_to(away)


def _linked_folder(folder: Path) -> None:
    away = folder.parent.parent / "away"
    (folder / "predictions" / "toy").rename(away)
    (folder / "predictions" / "toy").symlink_to(away)


def _linked_card(folder: Path) -> None:
    away = folder.parent.parent / "card.yaml"
    (folder / CARD).rename(away)
    (folder / CARD).symlink_to(away)


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def _of_another_seed(part: Any) -> Any:
    return part


def _bomb(table: pa.Table) -> pa.Table:
    """A few bytes that are millions of rows."""
    rows = 20_000_000
    one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["m1"]))
    return pa.table(
        {
            "seed": pa.array(np.zeros(rows, np.int32)),
            "id": one,
            "prediction": pa.array(np.zeros(rows, np.float32)),
        }
    )


def _long_id(table: pa.Table) -> pa.Table:
    one = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(table.num_rows, np.int32)), pa.array(["m" * 10_000_000])
    )
    return table.set_column(1, "id", one)


def _same_seeds(folder: Path) -> None:
    """One run of a model that every seed trains anew, told as three."""
    repack(folder, 0, lambda given: dict.fromkeys(given, given[0]))
    card = read_card(folder)
    card["predictions"][0]["protocol"] = "finetune"
    write_card(folder, card)


ATTACKS: dict[str, Attack] = {
    # the card
    "no card": lambda folder: (folder / CARD).unlink(),
    "an empty card": _text(lambda _: ""),
    "a card of code": _text(lambda text: text + "x: !!python/object/apply:os.system ['touch executed']\n"),
    "a tag": _text(lambda text: text + "notes: !run x\n"),
    "an unknown key": _text(lambda text: text + "run: me\n"),
    "a key twice": _text(lambda text: text + "model: other\n"),
    "a card that laughs": _text(
        lambda text: "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
        "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n" + text
    ),
    "two MiB of card": _text(lambda text: text + "#" * 2**21),
    "another format": _set("format", to=2),
    "a name of another folder": _set("model", to="other"),
    "a name that climbs": _set("model", to="../../etc"),
    "a name of a device": _set("model", to="con"),
    "a name that turns letters around": _set("name", to="good\u202edoog"),
    "a name of two lines": _set("name", to="good\nbetter"),
    "a name that colours": _set("name", to="\x1b[31mgood"),
    "a name of a thousand letters": _set("name", to="g" * 1000),
    "no author": _set("authors", to=[]),
    "no licence": _without("licence"),
    "a licence that is a sentence": _set("licence", to="do what you want <b>"),
    "a paper that is a script": _set("paper", to="javascript:alert(1)"),
    "a paper on this machine": _set("paper", to="file:///etc/passwd"),
    "a paper in the clear": _set("paper", to="http://example.org/a"),
    "a link with a password": _set("links", to={"code": "https://a:b@example.org/"}),
    "a link into the network": _set("links", to={"code": "https://169.254.169.254/latest"}),
    "a link to this machine": _set("links", to={"code": "https://localhost/x"}),
    "a link that breaks out": _set("links", to={"code": 'https://example.org/"><script>'}),
    "a commit that is a branch": _set("commit", to="main"),
    "weights without a digest": _set("weights", to={"encoder_digest": "abc"}),
    "a corpus that is none": _set("pretraining", to=[{"dataset": "secret-test-set"}]),
    "a corpus of two names": _set("pretraining", to=[{"dataset": "qm9", "other": "x"}]),
    "as scratch": _set("scratch", to=True),
    "its own baseline": _set("baseline", to="good"),
    "a baseline that was trained": _set("baseline", to="bad"),
    "negative parameters": _set("parameters", to=-1),
    "endless parameters": _set("parameters", to=10**30),
    "infinite hours": _set("compute", to={"device": "x", "hours": float("inf")}),
    # what it says of its predictions
    "no predictions": _set("predictions", to=[]),
    "a task that is none": _set("predictions", 0, "task", to="toy/none"),
    "a task with a pattern": _set("predictions", 0, "task", to="toy/*"),
    "a task twice": _set("predictions", 1, "task", to="toy/size"),
    "a split it has not": _set("predictions", 0, "task", to="toy/size@scaffold"),
    "another split": _set("predictions", 0, "task", to="toy/size@other"),
    "a protocol that is none": _set("predictions", 0, "protocol", to="magic"),
    "a unit that is none": _set("predictions", 0, "unit", to="parrots"),
    "another unit": _set("predictions", 0, "unit", to="meV"),
    "forces where there are none": _set("predictions", 0, "force_unit", to="eV/Å"),
    "forces without a unit": _without("predictions", 3, "force_unit"),
    "no seed": _set("predictions", 0, "seeds", to=[]),
    "a seed twice": _set("predictions", 0, "seeds", to=[0, 0, 1]),
    "a seed more": _set("predictions", 0, "seeds", to=[0, 1, 2, 3]),
    "a negative seed": _set("predictions", 0, "seeds", to=[-1, 0, 1]),
    "other records": _set("predictions", 0, "split", to="0" * 64),
    "a better score than it has": _set("predictions", 0, "value", to=1e-3),
    "no score": _set("predictions", 0, "value", to=float("nan")),
    # its files
    "a file that is not there": _set("predictions", 0, "file", to="predictions/none.parquet"),
    "a file elsewhere": _set("predictions", 0, "file", to="../../../secret.parquet"),
    "a file from the root": _set("predictions", 0, "file", to="/etc/passwd"),
    "a file of two tasks": _set("predictions", 1, "file", to=SIZE),
    "a file and an address": _set("predictions", 0, "url", to="https://example.org/a"),
    "another size": _set("predictions", 0, "size", to=7),
    "a size without end": _set("predictions", 0, "size", to=10**15),
    "another digest": _set("predictions", 0, "sha256", to="0" * 64),
    "a module beside it": _file("model.py", b"open('executed', 'w')"),
    "a workflow": _file(".github/workflows/evil.yml"),
    "a file that hides": _file("\u202eparquet.exe"),
    "a link": _link("link", "/etc/passwd"),
    "a link to itself": _link("link", "link"),
    "a link as predictions": _linked_predictions,
    "a link as their folder": _linked_folder,
    "a link as a card": _linked_card,
    "a pipe": _pipe,
    # what is in them
    "nothing": _bytes(b"\0"),
    "half a file": _bytes(b"PAR1" + b"\0" * 100 + b"PAR1"),
    "a length without end": _bytes(b"PAR1" + b"\xff" * 60 + b"\xff\xff\xff\x7fPAR1"),
    "a pickle": _bytes(b"\x80\x04cos\nsystem\n(S'touch executed'\ntR."),
    "millions of rows": _table(_bomb),
    "an id of ten million letters": _table(_long_id),
    "a column of labels": _table(lambda t: t.append_column("target", t.column("prediction"))),
    "a column less": _table(lambda t: t.drop_columns(["seed"])),
    "a column twice": _table(lambda t: t.append_column("seed", t.column("seed"))),
    "predictions of text": _column("prediction", lambda t: pa.array(["1"] * t.num_rows)),
    "predictions of bytes": _column("prediction", lambda t: pa.array([b"\0"] * t.num_rows)),
    "predictions of lists": _column("prediction", lambda t: pa.array([[1.0, 2.0]] * t.num_rows)),
    "predictions in records": _column("prediction", lambda t: pa.array([{"a": 1.0}] * t.num_rows)),
    "ids of numbers": _column("id", lambda t: pa.array(range(t.num_rows))),
    "seeds of fractions": _column("seed", lambda t: pa.array([0.5] * t.num_rows)),
    "a gap": _column("prediction", lambda t: pa.array([None, *[1.0] * (t.num_rows - 1)])),
    "an id less": _column("id", lambda t: pa.array([None, *t.column("id").to_pylist()[1:]])),
    "no number": _predict(_value_at(3, float("nan"))),
    "an infinite number": _predict(_value_at(3, float("inf"))),
    "a record twice": _predict(lambda part: part.take(np.r_[0, 0 : len(part.ids)])),
    "a record less": _predict(lambda part: part.take(np.arange(1, len(part.ids)))),
    "a record of the training split": _predict(lambda part: replace(part, ids=["m0x", *part.ids[1:]])),
    "a seed of no records": _predict(lambda part: part.take(np.arange(0)), seeds=(1,)),
    "one run told as three": _same_seeds,
    "predictions of another scale": _predict(lambda part: replace(part, prediction=1000 * part.prediction)),
    "forces of fewer atoms": _predict(
        lambda part: replace(
            part, forces=replace(part.forces, prediction=part.forces.prediction[:-3],
                                 offsets=np.r_[part.forces.offsets[:-1], part.forces.offsets[-1] - 3])
        ),
        number=3,
    ),
    "forces without end": _predict(
        lambda part: replace(
            part, forces=replace(part.forces, prediction=np.full_like(part.forces.prediction, np.inf))
        ),
        number=3,
    ),
}  # fmt: skip


def _refuse(folder: Path, known: Trust) -> None:
    done = verify(folder, known, offline=True)
    if done.faults:
        raise UserError(str(done.faults[0]))


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_submission_is_refused(
    name: str,
    submission: Path,  # noqa: F811 - a fixture
    trust: Trust,  # noqa: F811 - a fixture
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(submission.parent)
    ATTACKS[name](submission)
    message = refused(lambda: _refuse(submission, trust))
    assert str(submission) in message


def test_what_these_tests_change_is_accepted(submission: Path, trust: Trust) -> None:  # noqa: F811
    assert verify(submission, trust, offline=True).receipt is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a card of code", "a name that colours", "a pickle", "millions of rows"])
def test_the_command_says_so_in_one_line(
    name: str,
    submission: Path,  # noqa: F811 - a fixture
    command_refused: CommandRefused,
) -> None:
    ATTACKS[name](submission)
    command_refused("submit", "verify", submission)


@pytest.mark.slow
@pytest.mark.parametrize("linked", [False, True])
def test_a_family_that_no_board_takes_is_refused_and_not_left_out(
    linked: bool,
    submission: Path,  # noqa: F811 - a fixture
    command_refused: CommandRefused,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    family = submission.parent
    moved = family.rename(tmp_path / "elsewhere" if linked else family.parent / "<img>")
    if linked:
        family.symlink_to(moved)
    monkeypatch.chdir(tmp_path)
    command_refused("submit", "validate")
