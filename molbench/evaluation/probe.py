"""The probe: linear models on frozen molecule vectors, their penalty chosen by cross-validation."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
    if data.task.task.kind == "classification":
        labels = data.labels[train].astype(int)
        model = _logistic(labels, protocol, seed, data.task.id)
        with warnings.catch_warnings():
            # A weak penalty that does not converge loses the cross-validation, which is all there is to say.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(inputs, labels)
        probabilities: np.ndarray = model.predict_proba(outputs)[:, 1]
        return probabilities
    if train.size < 2:
        raise UserError(f"{data.task.id}: a probe needs at least two training records")
    # Leave-one-out in closed form from one singular value decomposition, for every penalty at once.
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=protocol.alphas))
    return data.restore(test, ridge.fit(inputs, data.normalised[train]).predict(outputs))


def _logistic(labels: np.ndarray, protocol: Protocol, seed: int, task: str) -> Any:
    """Logistic regression with the penalty of the highest likelihood on held-out folds."""
    smallest = int(np.bincount(labels, minlength=2).min())
    if smallest < 2:
        raise UserError(f"{task}: a probe needs at least two training records of each class")
    splitter = StratifiedKFold(min(protocol.folds, smallest), shuffle=True, random_state=seed)
    return GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        {"logisticregression__C": [1 / alpha for alpha in protocol.alphas]},
        cv=splitter,
        scoring="neg_log_loss",
    )
