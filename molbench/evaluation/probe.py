"""The probe: linear models on frozen molecule vectors, their penalty chosen by cross-validation."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.spec.protocol import Protocol


def probe(features: np.ndarray, data: TaskData, protocol: Protocol, seed: int) -> np.ndarray:
    """Fit on the training split, predict the test split.

    Args:
        features: Vectors of all records, [n, F].
        data: Labels and splits.
        protocol: Penalties and number of folds.
        seed: Shuffles the folds of a classification; a ridge probe has no randomness.

    Returns:
        Predictions for the test rows in the dataset's own unit, or probabilities of class 1, [m] float64.

    Raises:
        UserError: If there are fewer than two training records, of each class in a classification.
    """
    train, test = data.rows["train"], data.rows["test"]
    inputs, outputs = features[train].astype(np.float64), features[test].astype(np.float64)
    labels = data.normalised[train]
    if missing := data.kind.too_few(labels):
        raise UserError(f"{data.task.id}: a probe needs at least {missing}")
    model = data.kind.linear(labels, protocol, seed)
    with warnings.catch_warnings():
        # A weak penalty that does not converge loses the cross-validation, which is all there is to say.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, labels)
    return data.restore(test, data.kind.predicted(model, outputs))
