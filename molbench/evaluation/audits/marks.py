"""Laws that a checkpoint of this program breaks, told beside all of its scores."""

from __future__ import annotations

from pathlib import Path

from molbench.backbones.base import Backbone
from molbench.data.read.store import Store
from molbench.errors import error_line
from molbench.evaluation.audits import AUDITS
from molbench.evaluation.audits.base import Subject
from molbench.evaluation.kinds import kind_of
from molbench.spec.catalogue import AUDIT, Catalogue, TaskRef

#: Audits of which it is told without being asked, by what an encoder reads.
LAWS = {
    "molecules": ("rotation", "translation", "permutation", "batch"),
    "pairs": ("pair-permutation", "pair-batch"),
}
_RECORDS = 4
_known: dict[str, list[str]] = {}


def marks(encoder_digest: str, backbone: Backbone) -> list[str]:
    """What stands beside every score of an encoder: the laws that it breaks on a few molecules.

    They are tried once a process.

    Args:
        encoder_digest: Of the encoder.
        backbone: The encoder itself, which is left as it is.
    """
    if encoder_digest not in _known:
        trial = _Trial(backbone)
        marks_or_none = [trial.mark(ref) for ref in _laws(backbone)]
        _known[encoder_digest] = [mark for mark in marks_or_none if mark is not None]
    return _known[encoder_digest]


def _laws(backbone: Backbone) -> list[TaskRef]:
    ids = {f"{AUDIT}/{name}" for name in LAWS[backbone.inputs]}
    audits = Catalogue.load().audits
    refs = [TaskRef(entry, name, task.scheme) for entry in audits for name, task in entry.tasks.tasks.items()]
    return [ref for ref in refs if ref.id in ids and ref.folder is not None]


class _Trial:
    """An encoder and the few records that it is asked about, which the laws share."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._stores: dict[tuple[Path, str | None], Store] = {}
        self._subjects: dict[tuple[Path, str | None, bytes], Subject] = {}

    def mark(self, ref: TaskRef) -> str | None:
        """What is told of one law, or None where it is kept."""
        if ref.folder is None or ref.task.tolerance is None:
            return None
        try:
            worst = float(AUDITS[ref.name].measure(self._subject(ref, ref.folder)).max())
        except Exception as error:  # noqa: BLE001 - whatever fails here is told, and the task goes on
            return f"the law of {ref.name} could not be tried: {error_line(error)}"
        if worst <= ref.task.tolerance:
            return None
        return f"breaks the law of {ref.name} ({worst:.1e} where {ref.task.tolerance:g} is allowed)"

    def _subject(self, ref: TaskRef, folder: Path) -> Subject:
        if (where := (folder, ref.subset)) not in self._stores:
            self._stores[where] = Store.open(*where)
        store = self._stores[where]
        labels = kind_of(ref.task).labels(ref, store)
        rows = (labels == 0).nonzero()[0][:: max(1, (ref.task.records or _RECORDS) // _RECORDS)]
        key = (*where, rows.tobytes())
        if key not in self._subjects:
            self._subjects[key] = Subject.of(self._backbone, store, rows)
        return self._subjects[key]
