"""Audits as rows of text, for the terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from molbench.data.audit.result import FEWEST, Audit, PartAudit, SchemeAudit
from molbench.data.folder.hub import config_name
from molbench.spec.splits import SPLITS

Rows = tuple[list[str], list[list[str]]]


def scheme_rows(audit: Audit) -> Rows:
    """One row a scheme: sizes, shared keys, similarity of test to train, verdict; folds share a row."""
    header = ["scheme", "generator", *SPLITS, "shared keys", "test like train", "verdict"]
    pairs = any(scheme.unseen for part in audit.parts for scheme in part.schemes.values())
    if pairs:
        header.insert(-1, "test pairs with 0 / 1 / 2 unseen")
    rows = []
    for part in audit.parts:
        for name, folds in _together(part):
            first = folds[0]
            row = [
                config_name(part.subset, name) + (f" ({len(folds)} folds)" if len(folds) > 1 else ""),
                first.generator,
                *(_range([fold.splits[split].records for fold in folds]) for split in SPLITS),
                _shared(folds),
                _likeness(folds),
                "; ".join(dict.fromkeys(fold.verdict for fold in folds)),
            ]
            if pairs:
                row.insert(-1, _unseen(folds))
            rows.append(row)
    return header, rows


def label_rows(audit: Audit) -> Rows:
    """One row a target and split of each scheme that divides by the target, after one over all records.

    Targets with fewer labels than :data:`FEWEST` have none.
    """
    header = ["labels", "split", "records", "mean", "smallest", "5 %", "median", "95 %", "largest"]
    rows = []
    for part in audit.parts:
        where = f"{part.subset}: " if part.subset else ""
        for target, whole in part.labels.items():
            if whole.records < FEWEST:
                continue
            rows.append([where + target, "all", f"{whole.records:,}", *_numbers(whole.mean, whole.quantiles)])
            for name, scheme in part.schemes.items():
                if scheme.parameters.get("target") == target:
                    for split in SPLITS:
                        distribution = scheme.splits[split].labels.get(target)
                        if distribution:
                            numbers = _numbers(distribution.mean, distribution.quantiles)
                            rows.append(
                                [
                                    f"{where}{target}",
                                    f"{name}, {split}",
                                    f"{distribution.records:,}",
                                    *numbers,
                                ]
                            )
    return header, rows


def _together(part: PartAudit) -> Iterator[tuple[str, list[SchemeAudit]]]:
    """Schemes by name, the folds of a cross-validation together under its name."""
    groups: dict[str, list[SchemeAudit]] = {}
    for name, scheme in part.schemes.items():
        values = scheme.parameters
        suffix = f"-{values['repeat']}-{values['fold']}" if {"repeat", "fold"} <= values.keys() else ""
        groups.setdefault(name.removesuffix(suffix), []).append(scheme)
    yield from groups.items()


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def _shared(folds: list[SchemeAudit]) -> str:
    worst = {pair: max(fold.shared[pair] for fold in folds) for pair in folds[0].shared}
    overlaps = [f"{pair} {count:,}" for pair, count in worst.items() if count]
    leaking = max(fold.leaking for fold in folds)
    text = (", ".join(overlaps) + f" ({leaking:,} test records)") if overlaps else "0"
    backwards = max(fold.reversed or 0 for fold in folds)
    return text + (f"; {backwards:,} test pairs the other way round" if backwards else "")


def _likeness(folds: list[SchemeAudit]) -> str:
    histograms = [fold.nearest for fold in folds if fold.nearest]
    if not histograms:
        return ""
    median = sum(nearest.median for nearest in histograms) / len(histograms)
    return f"median {median:.2f}, most {max(nearest.maximum for nearest in histograms):.2f}"


def _unseen(folds: list[SchemeAudit]) -> str:
    return " / ".join(
        _range([fold.unseen[kind] for fold in folds if fold.unseen]) for kind in ("neither", "one", "both")
    )


def _numbers(mean: float, quantiles: list[float]) -> list[str]:
    smallest, low, _, median, _, high, largest = quantiles
    return [f"{value:.6g}" for value in (mean, smallest, low, median, high, largest)]
