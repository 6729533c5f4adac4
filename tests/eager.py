"""The two ways of taking sums over neighbours: the kernels in C, and PyTorch's operators."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.kernels import library

needs_kernels = pytest.mark.skipif(library.library() is None, reason="no C compiler, or MOLBENCH_KERNELS=0")


@pytest.fixture(params=["compiled", "eager"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test once with the kernels and once without."""
    if request.param == "eager":
        monkeypatch.setattr(library, "library", lambda: None)
    elif library.library() is None:
        pytest.skip("no C compiler, or MOLBENCH_KERNELS=0")


def with_threads(*numbers: int, run: Callable[[], list[Tensor]]) -> list[list[Tensor]]:
    """What a function gives with so many threads, one after the other."""
    before = torch.get_num_threads()
    names = []
    try:
        for number in numbers:
            torch.set_num_threads(number)
            names.append(run())
    finally:
        torch.set_num_threads(before)
    return names
