"""The two ways of taking sums over neighbours: the kernels in C, and PyTorch's operators."""

import pytest

from molbench.native import library


@pytest.fixture(params=["native", "eager"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test once with the kernels and once without."""
    if request.param == "eager":
        monkeypatch.setattr(library, "library", lambda: None)
    elif library.library() is None:
        pytest.skip("no C compiler, or MOLBENCH_NATIVE=0")
