"""What a pretraining corpus holds of the test splits of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from molbench.data.leakage.matrix import Matrix, Overlap, cached, keep_overlap
from molbench.data.leakage.search import CorpusChunk, Search
from molbench.data.leakage.sides import Split, corpus, tested
from molbench.progress import ProgressCallback
from molbench.spec.catalogue import TaskRef


def overlap_matrix(
    folder: Path,
    tasks: Sequence[TaskRef],
    *,
    subset: str | None = None,
    scheme: str | None = None,
    progress: ProgressCallback | None = None,
) -> Matrix:
    """Count the test molecules of tasks that a corpus has too, in one pass over the corpus.

    Memory holds the test molecules, once for tasks that share a split, and some thousand records of the
    corpus. What was found is kept below ``$MOLBENCH_HOME``, so that a corpus is read once for a test split.

    Args:
        folder: Built dataset whose training split is the corpus.
        tasks: Tasks; their datasets must be built.
        subset: Part of the corpus, where it has parts.
        scheme: Split scheme of the corpus; the first by default.
        progress: Told how many records of the corpus are done.

    Raises:
        UserError: If a dataset, subset or scheme is not there.
    """
    source = corpus(folder, subset, scheme)
    splits = {task.id: tested(task) for task in tasks}
    known: dict[str, Overlap] = {}
    searches: dict[str, Search] = {}
    for split in splits.values():
        name = split.side.name
        if name in known or name in searches:
            continue
        if overlap := cached(source.side.digest, source.side.scheme, split.side):
            known[name] = overlap
        else:
            searches[name] = Search(split, source)
    if searches:
        _pass(source, list(searches.values()), progress)
    for name, search in searches.items():
        known[name] = search.result()
        keep_overlap(source.side, known[name])
    return Matrix(corpus=source.side, tasks={task: known[split.side.name] for task, split in splits.items()})


def _pass(source: Split, searches: Sequence[Search], progress: ProgressCallback | None) -> None:
    columns = sorted({name for search in searches for name in search.columns})
    done = 0
    for table in source.stream(columns):
        chunk = CorpusChunk(table)
        for search in searches:
            search.look_up(chunk)
        done += len(table)
        if progress is not None:
            progress("corpus", done, source.side.records)
