"""Results name the version of their metric, so code that changes needs another version."""

from pathlib import Path

import yaml

from molbench.metrics import METRICS
from tests.metrics.digest import current, digest_of

RECORDED = Path(__file__).with_name("versions.yaml")


def test_no_metric_changes_under_its_version() -> None:
    recorded, found = yaml.safe_load(RECORDED.read_text(encoding="utf-8")), current()
    changed = [name for name in found if recorded.get(name) != found[name]]
    same_version = [
        name for name in changed if name in recorded and recorded[name]["version"] == found[name]["version"]
    ]
    assert not same_version, (
        f"the code of {same_version} changed and the version did not: raise `version=` in the decorator. "
        "Where every value stays as it was, keep the version and record the new digest below."
    )
    assert found == recorded, f"record these in {RECORDED.name}:\n{yaml.safe_dump(found)}"


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
