"""What ``import molbench`` gives is listed with an example, and every example is true."""

import doctest
import re
from pathlib import Path

import pytest

import molbench
from tests.rooms import ROOT

PAGE = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
NAMES = sorted(set(molbench.__all__) - {"__version__"})


def test_every_name_is_there() -> None:
    assert set(molbench.__all__) <= set(dir(molbench))
    for name in molbench.__all__:
        assert getattr(molbench, name) is not None


def test_every_name_is_on_the_page() -> None:
    listed = re.findall(r"^::: molbench\.(\w+)$", PAGE, flags=re.MULTILINE)
    assert sorted(listed) == NAMES
    assert "`molbench.__version__`" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_name_is_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.DocTestFinder(recurse=False).find(getattr(molbench, name), name, module=False, globs={})
    examples = [test for test in found if test.examples]
    assert examples, f"molbench.{name} has no example"
    for test in examples:
        told: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
        assert not told, "".join(told)
