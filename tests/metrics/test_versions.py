"""Results name the version of their metric, so code that changes needs another version."""

import warnings
from pathlib import Path

import pytest
import yaml

from molbench.metrics import METRICS
from tests.metrics.digest import current, digest_of

RECORDED = Path(__file__).with_name("versions.yaml")


@pytest.mark.slow
def test_no_metric_changes_under_its_version() -> None:
    recorded, actual = yaml.safe_load(RECORDED.read_text(encoding="utf-8")), current()
    changed = {name: entry for name, entry in actual.items() if recorded.get(name, entry) != entry}
    told = f"record in {RECORDED.name}:\n{yaml.safe_dump(changed)}"
    assert not [name for name in changed if changed[name]["version"] == recorded[name]["version"]], (
        f"the code of {list(changed)} changed and the version did not: raise `version=` in the decorator; "
        f"where every value stays as it was, keep the version. {told}"
    )
    assert not changed, told
    assert not recorded.keys() - actual.keys(), "metrics whose versions are recorded are gone"
    if new := {name: entry for name, entry in actual.items() if name not in recorded}:
        warnings.warn(
            f"metrics without a recorded version; record them:\n{yaml.safe_dump(new)}", stacklevel=1
        )


@pytest.mark.slow
def test_a_digest_sees_what_a_metric_uses_and_nothing_else(monkeypatch) -> None:
    import molbench.metrics.regression as module
    from tests.metrics import digest

    sources = {module: digest.inspect.getsource(module)}
    before = {name: digest_of(METRICS[name]) for name in ("mae", "r2", "pearson", "spearman")}

    def edited(old: str, new: str) -> set[str]:
        source = sources[module].replace(old, new)
        assert source != sources[module]
        with monkeypatch.context() as patch:
            true = digest.inspect.getsource
            patch.setattr(digest.inspect, "getsource", lambda m: source if m is module else true(m))
            return {name for name in before if digest_of(METRICS[name]) != before[name]}

    assert edited("np.abs(prediction - target)", "np.abs(target - prediction)") == {"mae"}
    assert edited("yp - y1 * p1", "yp - p1 * y1") == {"pearson", "spearman"}
    assert edited("sums / 2", "sums * 0.5") == {"spearman"}
    assert edited("Mean absolute error.", "The mean of absolute errors.") == set()
