"""A spectrum of every record, on points that all records share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from molbench.evaluation.kinds.base import Normalisation, TaskKind
from molbench.spec.dataset import Dataset, Target
from molbench.spec.spectra import SpectrumColumn as Declared
from molbench.spec.tasks import Task

if TYPE_CHECKING:
    from molbench.data.read.store import Store
    from molbench.evaluation.predictions import Predictions
    from molbench.spec.catalogue import TaskRef

_RECORDS = 4096


class Spectrum(TaskKind):
    """The difference to the mean training spectrum, over its root mean square of all points."""

    name = "spectrum"
    families = ("spectrum",)

    @override
    def columns(self, dataset: Dataset) -> Mapping[str, Target | Declared]:
        return dataset.spectra

    @override
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        """Read in pieces, since the spectra of a large dataset are mapped into memory."""
        pieces = np.array_split(train, max(1, train.size // _RECORDS))
        mean, square = np.zeros(labels.shape[1]), 0.0
        for rows in pieces:
            mean += labels[rows].sum(axis=0, dtype=np.float64) / train.size
        for rows in pieces:
            square += float(((labels[rows] - mean) ** 2).sum())
        scale = float(np.sqrt(square / (train.size * labels.shape[1]))) or 1.0
        return Normalisation(np.zeros((len(labels), 1)), mean.astype(np.float32), scale)

    @override
    def scale_warnings(self, task: Task, predictions: Predictions) -> list[str]:
        """None: heights of broadened lines say nothing about units."""
        return []
