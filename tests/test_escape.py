"""Whatever a stranger calls something, it is shown and does nothing."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from molbench.escape import csv_cell, html, markdown, visible, visible_lines

ANY = st.text(st.characters(), max_size=60)


@given(ANY)
def test_a_terminal_gets_one_line_without_anything_hidden(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(ANY)
def test_what_can_be_seen_is_kept(text: str) -> None:
    plain = "".join(character for character in text if character.isprintable() and not character.isspace())
    kept = "".join(re.sub(r"<U\+[0-9A-F]{4,6}>", "", visible(text)).split())
    assert kept == plain or "<U+" in text


@given(ANY)
def test_html_has_no_tag_and_no_quote(text: str) -> None:
    assert not set("<>\"'") & set(html(text))


@given(ANY)
def test_a_markdown_cell_stays_one_cell(text: str) -> None:
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[\]~]", markdown(text))
    assert "<" not in markdown(text)


@given(ANY)
@example(" =1+1")
@example("\x85=1+1")
def test_a_csv_cell_is_no_formula_and_survives_a_round_trip(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    file = io.StringIO()
    csv.writer(file).writerow([cell, 1.5])
    assert next(csv.reader(io.StringIO(file.getvalue()))) == [cell, "1.5"]
    if len(cell) == 1:
        return  # a sign alone is no formula
    assert cell[:1] not in {"=", "@", "＝", "＋", "－", "＠"}
    assert cell[:1] not in {"+", "-"} or re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?%?", cell)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred", "a<U+001B>[31mred"),
        ("gap\u202egnp.exe", "gap<U+202E>gnp.exe"),
        ("two\r\nlines\tand  blanks", "two lines and blanks"),
        ("\u200bhidden", "<U+200B>hidden"),
        ("PaiNN ± Å", "PaiNN ± Å"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_and_their_indentation_stay() -> None:
    assert visible_lines("first\n  second\x07") == "first\n  second<U+0007>"


def test_numbers_stay_numbers() -> None:
    assert [csv_cell(value) for value in (-1.5, "-1.5", "+3e-4", None, 7)] == [-1.5, "-1.5", "+3e-4", None, 7]
    assert csv_cell("=1+1") == "'=1+1"


def test_a_sign_alone_stays_a_sign() -> None:
    assert [csv_cell(value) for value in ("=", "-", "%")] == ["=", "-", "%"]
    assert csv_cell("\t") == "'" and csv_cell("=\t") == "'="
