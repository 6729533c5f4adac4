"""``receipt.json``: what a submission scores, and by what that was computed, so that anybody can again."""

from __future__ import annotations

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from molbench.arguments import require_file
from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.evaluation.score import Number
from molbench.spec.base import Spec, later
from molbench.spec.submission import Tier
from molbench.submission.replicates import unpacked

FORMAT = 1
_MOST_BYTES = 8 << 20
#: Largest deviation of a score from what the card says, as a share of it: the card may round.
_ROUNDING = 1e-4


def _replicates(text: str) -> str:
    unpacked(text)
    return text


def unlike(one: float, other: float) -> bool:
    """Whether two scores differ by more than a card may round."""
    return abs(one - other) > _ROUNDING * max(abs(one), abs(other))


class TaskScore(Spec):
    """One model on one task under one protocol.

    Attributes:
        task: Id of the task.
        version: Of the task, with the number of exclusions behind the dot, ``1.0``.
        protocol_version: Of the protocol.
        metric: The primary one.
        metric_version: Of its code.
        values: Of the primary metric, of each seed, in ``unit``.
        constant: What predicting one constant for every record scores.
        replicates: What the draw of test records may do to the mean, see
            :mod:`molbench.submission.replicates`.
        half_width: Of the 95 % interval over test records and seeds; null for one seed.
        records: Test records.
        clusters: Effective number of independent ones.
        few: Whether these are too few, or too skewed, for the interval to be relied on.
        others: Means of the other metrics.
        content: SHA-256 of the predicted numbers in the dataset's order.
        data: Digest of all records of the build, and of those that the scheme uses.
        folds: Of each repeat of a cross-validation, whose folds the seeds are in turn; 0 for what is none.
        fixed: Whether nothing was drawn, as in audits of given weights: another seed would give the same.
    """

    task: str
    version: str
    protocol: str
    protocol_version: int
    metric: str
    metric_version: int
    unit: str
    direction: Literal["lower", "higher"]
    seeds: list[int]
    values: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1)
    constant: Number
    replicates: Annotated[str, AfterValidator(_replicates)]
    half_width: Number
    records: int = Field(ge=1)
    clusters: float = Field(gt=0, allow_inf_nan=False)
    few: bool
    others: dict[str, Number] = Field(default={})
    content: str
    data: tuple[str, str]
    folds: int = later(0, ge=0)
    fixed: bool = later(False)

    @model_validator(mode="after")
    def _a_value_a_seed(self) -> Self:
        if len(self.values) != len(self.seeds) or len(set(self.seeds)) < len(self.seeds):
            raise ValueError("are not one value for each of different seeds")
        return self

    @property
    def drawn(self) -> np.ndarray:
        """Its replicates, [R]."""
        return unpacked(self.replicates)

    def unlike(self, other: TaskScore) -> str | None:
        """First field in which another is different by more than the order of a sum, or None.

        Processors add in different orders, so that a receipt of one is another's but for the last digits.
        """
        for name in type(self).model_fields:
            one, two = getattr(self, name), getattr(other, name)
            if one != two and not (name in _SUMS and _same_sums(_numbers(self, name), _numbers(other, name))):
                return name
        return None

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return sum(self.values) / len(self.values)

    @property
    def repeats(self) -> dict[int, float]:
        """Scores that each measure everything once, by seed, or by repeat of a cross-validation.

        Single folds scatter more than repeats: they are smaller, and some are harder than others. They stand
        for themselves where there are no two complete repeats.
        """
        of_seed = dict(zip(self.seeds, self.values, strict=True))
        if not self.folds:
            return of_seed
        repeats: dict[int, list[float]] = {}
        for seed, value in of_seed.items():
            repeats.setdefault(seed // self.folds, []).append(value)
        if len(repeats) < 2 or any(len(fold_values) < self.folds for fold_values in repeats.values()):
            return of_seed
        return {repeat: sum(fold_values) / len(fold_values) for repeat, fold_values in repeats.items()}

    @property
    def sample(self) -> np.ndarray:
        """The same as a sample of what chance may do, [S]: twice the one score that leaves nothing to it."""
        values = np.array(list(self.repeats.values()))
        return np.repeat(values, 2) if self.fixed and values.size == 1 else values


#: What sums of floating-point numbers give.
_SUMS = {"values", "constant", "replicates", "half_width", "clusters", "others"}


def _numbers(task_score: TaskScore, name: str) -> dict[str, Any]:
    if name == "replicates":
        return {name: task_score.drawn}
    value = getattr(task_score, name)
    return value if name == "others" else {name: value}


def _same_sums(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        _same(np.asarray(one[name], float), np.asarray(other[name], float)) for name in one
    )


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    # What cancels leaves nought on one processor and a speck on another: the size is that of the largest.
    size = np.abs(np.nan_to_num(one, posinf=0.0, neginf=0.0)).max(initial=0.0)
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=0, atol=2e-5 * size + 1e-12, equal_nan=True)
    )


#: Deviation of a score between machines, as a share of it: of what is solved exactly, and of what is trained.
EXACT, TRAINED = 1e-3, 0.05


class Rerun(Spec):
    """What evaluating the weights again gave.

    Attributes:
        weights: SHA-256 of the checkpoint file.
        largest: Largest deviation of a score, as a share of it.
        tolerance: What was allowed.
    """

    weights: str
    largest: float = Field(ge=0, allow_inf_nan=False)
    tolerance: float = Field(ge=0, le=TRAINED)


class Receipt(Spec):
    """What a submission scores.

    Attributes:
        submission: ``family/model``.
        task_scores: One a task, version and protocol; ``cells`` in the file, which the seal is of.
        card: SHA-256 of ``submission.yaml``, which holds the digests of all files.
        versions: Of the program and of its evaluation.
        date: Day of the check; all else is computed again, on another processor but for the last digits.
        seal: SHA-256 over everything but the date.
    """

    model_config = ConfigDict(populate_by_name=True)

    format: Literal[1] = 1
    submission: str
    card: str
    tier: Tier
    versions: dict[str, str]
    task_scores: list[TaskScore] = Field(alias="cells")
    rerun: Rerun | None = None
    date: str = Field(default="", pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    seal: str = ""

    @model_validator(mode="after")
    def _ran(self) -> Self:
        if self.tier == "re-run" and self.rerun is None:
            raise ValueError(
                "its tier is 're-run', and it does not say what evaluating the weights again gave"
            )
        return self

    @model_validator(mode="after")
    def _near_enough(self) -> Self:
        if self.rerun is not None and self.rerun.largest > self.rerun.tolerance:
            raise ValueError("evaluating the weights again gave other scores")
        return self

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        listed = Counter((one.task, one.version, one.protocol) for one in self.task_scores)
        if twice := next((key for key, count in listed.items() if count > 1), None):
            raise ValueError(f"{' '.join(twice)} is scored twice")
        return self

    def sealed(self, date: str) -> Receipt:
        """The same with its seal and the day."""
        return self.model_copy(update={"date": date, "seal": self._seal()})

    @property
    def intact(self) -> bool:
        """Whether the seal is that of what it seals."""
        return self.seal == self._seal()

    def _seal(self) -> str:
        content = self.model_dump(exclude={"date", "seal"}, by_alias=True)
        return sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write it, whole or not at all; one task a line."""
        dumped: dict[str, Any] = self.model_dump(by_alias=True)
        task_scores = dumped.pop("cells")
        head = json.dumps(dumped, indent=1, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
        lines = ",\n".join("  " + json.dumps(one, ensure_ascii=False, allow_nan=False) for one in task_scores)
        with replace_file(path) as temporary:
            temporary.write_text(f'{head},\n "cells": [\n{lines}\n ]\n}}\n', encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Receipt:
        """Read a receipt.

        Raises:
            UserError: If it is missing, too large, damaged, or its seal is broken.
        """
        again = "`molbench submit verify` makes it again"
        try:
            if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
                raise UserError(f"{path}: a link, or larger than {_MOST_BYTES >> 20} MiB: no receipt")
            require_file(path, "receipt")
            receipt = cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise UserError(f"{path}: no receipt; {again}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(
                f"{path}: damaged: {where or 'the file'}: {first['msg'][:200]}; {again}"
            ) from None
        if not receipt.intact:
            raise UserError(f"{path}: was changed by hand: its seal is broken; {again}")
        return receipt
