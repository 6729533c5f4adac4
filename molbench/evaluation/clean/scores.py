"""``molbench clean``: scores of all test records, of those not seen, and of those unlike what was seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.clean.exposed import Corpora, Records, UnjudgedError
from molbench.evaluation.measurement import Estimate, estimate_of
from molbench.evaluation.repeats import TaskRecords
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.score import Scorer
from molbench.evaluation.summary import verdicts
from molbench.spec.catalogue import Catalogue

if TYPE_CHECKING:
    import pandas as pd

ALL, UNSEEN = "all", "unseen"
#: Of whether a record was seen, and of its similarity to the corpus.
Condition = Callable[[tuple[bool, float]], bool]
Group = dict[tuple[str, str, str], dict[int, Stored]]


@dataclass(frozen=True)
class CleanScore:
    """A model on some of the records of a task.

    Attributes:
        records: ``all``; ``unseen``: no molecule of theirs is in the corpus; ``tanimoto <= t``: none is more
            similar to any of the corpus.
        common: Whether they are those that are clean for every model that can be judged, so that models are
            ranked.
        score: Mean of the primary metric over seeds; None where there are too few records for it.
        half_width: Of its 95 % interval; None for one seed.
        n: Records; ``of`` all test records.
        rank: One more than the number of models that are told to be better on the same records, adjusted for
            all pairs of models on the task; None where ``common`` is not so.
    """

    model: str
    task: str
    protocol: str
    records: str
    common: bool
    metric: str
    unit: str
    direction: str
    score: float | None
    half_width: float | None
    n: int
    of: int
    rank: int | None = None


@dataclass(frozen=True, repr=False)
class CleanScores:
    """Scores by what pretraining has seen.

    Attributes:
        rows: The scores.
        unjudged: Model and task to why it cannot be told what was seen.
        damaged: Results that cannot be read, and why.
    """

    rows: list[CleanScore]
    unjudged: dict[tuple[str, str], str]
    damaged: dict[Path, str]

    def to_pandas(self) -> pd.DataFrame:
        """A row a score."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])

    def __repr__(self) -> str:
        return f"<CleanScores: {len(self.rows)} scores, {len(self.unjudged)} cannot be judged>"


def clean_scores(
    results: str | Path, *, tanimoto: float = 0.7, tasks: str | Sequence[str] | None = None
) -> CleanScores:
    """Score stored predictions again, on the records that pretraining has not seen; no model is run.

    What was seen is told by the corpora that checkpoints declare, as they are built here. Random weights and
    trees on fingerprints have seen nothing.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        tanimoto: Largest similarity to the corpus, 0 to 1, of records that count as unlike it.
        tasks: Glob patterns over task ids; all by default.

    Raises:
        UserError: If there are no results, or the similarity is none.
    """
    folder = ResultsFolder.read(results, tasks)
    return clean_scores_of(folder.results, tanimoto=tanimoto, damaged=folder.damaged)


def clean_scores_of(
    results: Iterable[Stored], *, tanimoto: float = 0.7, damaged: Mapping[Path, str] | None = None
) -> CleanScores:
    """:func:`clean_scores` of results that were read already.

    Args:
        results: The results.
        tanimoto: Largest similarity to the corpus, 0 to 1, of records that count as unlike it.
        damaged: Results that cannot be read, and why.

    Raises:
        UserError: If the similarity is none.
    """
    if not 0 <= tanimoto <= 1:
        raise UserError(f"a Tanimoto similarity is between 0 and 1, not {tanimoto}")
    groups: Group = {}
    for stored in results:
        result = stored.result
        key = (result.task.id, result.protocol.name, result.checkpoint.name)
        groups.setdefault(key, {})[result.seed] = stored
    seen, unjudged = _seen(groups)
    conditions: dict[str, Condition] = {
        UNSEEN: lambda record: not record[0],
        f"tanimoto <= {tanimoto:g}": lambda record: record[1] <= tanimoto,
    }
    rows: list[CleanScore] = []
    for key, runs in groups.items():
        rows.append(_score(key, runs, ALL, None))
        if key in seen:
            for name, is_clean in conditions.items():
                rows.append(_score(key, runs, name, _ids(runs, seen[key], is_clean)))
    for group in dict.fromkeys(key[:2] for key in groups):
        judged = {key: runs for key, runs in groups.items() if key[:2] == group and key in seen}
        for name, is_clean in conditions.items():
            if len(judged) > 1:
                clean = [_ids(runs, seen[key], is_clean) for key, runs in judged.items()]
                rows += _ranked(judged, name, clean)
    return CleanScores(rows, unjudged, dict(damaged or {}))


def _seen(groups: Group) -> tuple[dict[tuple[str, str, str], Records], dict[tuple[str, str], str]]:
    corpora = Corpora(Catalogue.load())
    seen: dict[tuple[str, str, str], Records] = {}
    unjudged: dict[tuple[str, str], str] = {}
    for key, runs in groups.items():
        entry = next(iter(runs.values())).result.checkpoint
        try:
            seen[key] = corpora.records(entry, key[0])
        except UnjudgedError as error:
            unjudged[key[2], key[0]] = str(error)
    return seen, unjudged


def _ids(runs: Mapping[int, Stored], seen: Records, is_clean: Condition) -> set[str]:
    """Ids of the clean records; a record without any known likeness is clean of a model that saw nothing."""
    ids = {name for stored in runs.values() for name in stored.predictions.ids}
    return {name for name in ids if not seen or (name in seen and is_clean(seen[name]))}


def _kept(stored: Stored, ids: set[str]) -> Stored:
    predictions = stored.predictions
    rows = np.array([i for i, name in enumerate(predictions.ids) if name in ids], dtype=np.int64)
    return replace(stored, checked=predictions.take(rows))


def _score(
    key: tuple[str, str, str],
    runs: Mapping[int, Stored],
    records: str,
    ids: set[str] | None,
    common: bool = False,
) -> CleanScore:
    first = next(iter(runs.values()))
    declaration = first.result.task.declaration
    scorer = Scorer.of(declaration, declaration.metrics[0], first.predictions)
    of = len({name for stored in runs.values() for name in stored.predictions.ids})
    kept = dict(runs) if ids is None else {seed: _kept(stored, ids) for seed, stored in runs.items()}
    n = of if ids is None else len(ids)
    value, width = _estimate(kept.values(), n)
    return CleanScore(
        model=key[2], task=key[0], protocol=key[1], records=records, common=common,
        metric=declaration.metrics[0], unit=scorer.unit, direction=scorer.metric.direction,
        score=value, half_width=width, n=n, of=of,
    )  # fmt: skip


def _estimate(runs: Iterable[Stored], n: int) -> tuple[float | None, float | None]:
    kept = {stored.result.seed: stored for stored in runs if stored.predictions.ids}
    if n < 2 or not kept:
        return None, None
    records = TaskRecords.of(list(kept.values()))
    measured = estimate_of(records.measure([kept]), records.clusters)
    if not math.isfinite(float(measured.value)):
        return None, None
    width = float(measured.half_width())
    return float(measured.value), width if math.isfinite(width) else None


def _ranked(judged: Group, name: str, clean: Sequence[set[str]]) -> list[CleanScore]:
    """Models on the records that are clean for all of them."""
    ids = set.intersection(*clean)
    rows = [_score(key, runs, name, ids, common=True) for key, runs in judged.items()]
    if any(row.score is None for row in rows):
        return rows
    kept = [{seed: _kept(stored, ids) for seed, stored in runs.items()} for runs in judged.values()]
    records = TaskRecords.of([stored for runs in kept for stored in runs.values()])
    pairs = list(combinations(range(len(kept)), 2))
    differences: list[Estimate | None] = [records.difference([kept[i]], [kept[j]]) for i, j in pairs]
    better = [0] * len(rows)
    deltas = verdicts(differences, [rows[0].direction == "lower"] * len(pairs))
    for (i, j), delta in zip(pairs, deltas, strict=True):
        if delta and delta.verdict == "better":
            better[j] += 1
        elif delta and delta.verdict == "worse":
            better[i] += 1
    return [replace(row, rank=1 + ahead) for row, ahead in zip(rows, better, strict=True)]
