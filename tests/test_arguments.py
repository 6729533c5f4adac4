"""A file or folder that is not there is named with one beside it that was perhaps meant."""

from pathlib import Path

import numpy as np
import pytest

from molbench.arguments import require_file, require_folder, seeds_of
from molbench.errors import UserError
from molbench.executors.request import ExecutorRequest


def test_a_misspelt_folder_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    require_folder(tmp_path / "results", "make it")
    with pytest.raises(UserError, match=r"reslts: no such folder \(did you mean 'results'\?\); `make it`"):
        require_folder(tmp_path / "reslts", "make it")


def test_files_are_not_meant_and_a_missing_parent_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "results").touch()
    for path in (tmp_path / "result", tmp_path / "nowhere" / "result"):
        with pytest.raises(UserError, match="result: no such folder; `make it` makes one"):
            require_folder(path, "make it")


def test_a_misspelt_file_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "first.pt").touch()
    (tmp_path / "frst").mkdir()
    require_file(tmp_path / "first.pt")
    with pytest.raises(UserError, match=r"frst.pt: no such file \(did you mean 'first.pt'\?\)$"):
        require_file(tmp_path / "frst.pt")
    for path in (tmp_path / "nowhere" / "frst.pt", tmp_path / "frst.csv"):
        with pytest.raises(UserError, match=f"{path.name}: no such file$"):
            require_file(path)


def test_seeds_are_a_number_or_a_list_of_them_of_any_kind() -> None:
    assert [*seeds_of(np.int64(2))] == [*seeds_of(np.arange(2))] == [*seeds_of((0, 1))] == [0, 1]
    for wrong in (1.5, "3", None, [0.5], [-1], 0, [], [1, 1]):
        with pytest.raises(UserError, match="seed"):
            seeds_of(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"workers": -1}, {"time_limit": "10"}, {"time_limit": 0.5}, {"retries": -1}]
)
def test_numbers_of_an_executor_are_numbers(wrong: dict) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        ExecutorRequest(**wrong).check()
