"""One pattern for every name that becomes part of a path, an id or a line on the terminal."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from molbench.errors import UserError
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.spec.dataset import Dataset, SourceFile
from molbench.spec.document import parse_yaml
from molbench.spec.names import LONGEST, check_filename, check_name, is_name, require_name
from molbench.spec.splits import Splits
from molbench.spec.tasks import Tasks

GOOD = [
    "qm9",
    "xtb-molecules",
    "freesolv-v0.52",
    "950",
    "a",
    "a_b",
    "3dmrl",
    "scratch-painn-0a1b2c3d",
    "a" * 64,
]
BAD = [
    *("", " ", "My set", "müsli", "QM9-mine", "a b", "a\tb", "a\n", "a\r", "a\0", "a\x1b[31m", "a\x7f"),
    *(
        "..",
        ".",
        ".hidden",
        "a..b",
        "a.",
        "a-",
        "-a",
        "--help",
        "_a",
        "../x",
        "a/b",
        "a\\b",
        "/etc",
        "c:",
        "~",
    ),
    *(
        "con",
        "nul",
        "nul.pt",
        "com1",
        "lpt9.txt",
        "aux",
        "prn",
        "a*",
        "a?",
        "a@b",
        "a|b",
        "a'b",
        'a"b',
        "$a",
        "%a",
    ),
    *("a\u202eb", "a\u2066b", "a\u200bb", "\ufeffa", "ａ", "а", "é", "e\u0301", "🙂", "a" * 65, "a" * 10_000),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_is_a_name(name: str) -> None:
    assert check_name(name) == require_name(name, "dataset") == name


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused_in_one_printable_line(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(UserError) as caught:
        require_name(name, "dataset")
    message = str(caught.value)
    assert message.isprintable() and len(message) < 300


@given(st.text(max_size=80))
def test_a_name_never_leaves_its_folder_and_is_the_same_on_every_system(name: str) -> None:
    if is_name(name):
        assert name == name.casefold() and name.isascii() and len(name) <= LONGEST
        folder = Path("/a/b")
        assert (folder / name).resolve().parent == folder and not name.startswith("-")


@pytest.mark.parametrize(
    "name", ["a.xyz", "DB for chromophore_Sci_Data_rev02.csv", "Größe (2).xyz", "1-s2.0-mmc2.xlsx"]
)
def test_files_may_be_called_as_other_people_call_them(name: str) -> None:
    assert check_filename(name) == name


NO_FILES = [
    *("", ".", "..", "../a.xyz", "a/b", "a\\b", "c:a", ".a", " a", "a ", "a.", "a\nb", "a\x1b", "a\u202ezyx"),
    *("NUL.xyz", "a" * 300),
]


@pytest.mark.parametrize("name", NO_FILES)
def test_but_only_files(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot name a file|name of a device"):
        check_filename(name)


DATASET = {
    "name": "toy",
    "version": "1.0.0",
    "title": "Toy",
    "summary": "-",
    "record": "molecule",
    "licence": "-",
    "citation": [],
    "parser": "xyz",
}
SCHEME = {"generator": "everything", "description": "All."}
TASK = {"target": "e", "metrics": ["mae"], "unit": "1", "scheme": "s", "why": "-"}


@pytest.mark.parametrize("name", ["..", "a/b", "A", "nul", "a@b", "a\u202eb", "x" * 65])
@pytest.mark.parametrize(
    ("model", "content"),
    [
        (Dataset, lambda name: DATASET | {"name": name}),
        (Dataset, lambda name: DATASET | {"subsets": {name: {}}}),
        (Splits, lambda name: {"schemes": {name: SCHEME}}),
        (Tasks, lambda name: {"tasks": {name: TASK}}),
        (Tasks, lambda name: {"tasks": {"a": TASK | {"subset": name}}}),
        (Board, lambda name: {"name": name, "title": "-", "description": "-", "suite": "s"}),
    ],
    ids=["dataset", "subset", "scheme", "task", "subset-of-task", "board"],
)
def test_every_declaration_follows_it(model, content, name: str) -> None:
    with pytest.raises(UserError, match=r"is no name|longer than|name of a device"):
        parse_yaml(yaml.safe_dump(content(name), allow_unicode=False), model, "a.yaml")


def test_a_complete_dataset_cannot_be_called_as_a_partial_build() -> None:
    with pytest.raises(UserError, match="kept for builds that lack records"):
        parse_yaml(yaml.safe_dump(DATASET | {"name": "qm9-partial"}), Dataset, "a.yaml")


def test_a_source_cannot_be_kept_outside_its_folder() -> None:
    for text in ("filename: ../../x", "filename: a\naliases: [../x]"):
        with pytest.raises(UserError, match="cannot name a file"):
            parse_yaml(text, SourceFile, "a.yaml")


def test_what_is_declared_here_follows_it() -> None:
    for entry in Catalogue.load().entries.values():
        assert is_name(entry.id) and entry.dataset.subsets is not None and entry.splits.schemes
        assert all(map(is_name, entry.tasks.tasks))
