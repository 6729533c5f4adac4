"""Results that anybody may have written: of a folder of results nothing is believed but the predictions.

Ids, labels, units, counts, declarations, protocols and digests are read from the catalogue and the built
datasets; metrics and the key are computed again. What does not fit is set aside with its reason, and all
other results stand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from molbench.errors import UserError, error_line, quoted
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.built import Data, data_of
from molbench.evaluation.candidates.base import EXTERNAL
from molbench.evaluation.candidates.checkpoint import (
    SCRATCH,
    CheckpointCandidate,
    encoder_digest,
    require_model_name,
)
from molbench.evaluation.plan import key_of
from molbench.evaluation.predictions import PREDICTIONS_FILE, Predictions
from molbench.evaluation.protocols import load_protocols, unknown_protocol
from molbench.evaluation.result import Result, Stored, result_files
from molbench.evaluation.score import score
from molbench.evaluation.seen import checked_overlap
from molbench.evaluation.tested import TestRecords
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.direct import DIRECT, Direct
from molbench.spec.fingerprint import FINGERPRINT, Boosting
from molbench.spec.names import require_name
from molbench.spec.recipe import Recipe

#: Version of the package, and of evaluation.
_CODE = re.compile(r"[0-9A-Za-z.+!-]{1,64}/([0-9]{1,9})")
_SEEDS = 1 << 32


@dataclass(frozen=True)
class RejectedResult:
    """A result that is set aside.

    Attributes:
        folder: Where it lies.
        reason: Why.
    """

    folder: Path
    reason: str


def read_trusted(root: Path, catalogue: Catalogue) -> tuple[list[Stored], list[RejectedResult]]:
    """Results below a folder that hold, in path order, and those that do not.

    Args:
        root: Folder that ``molbench evaluate`` wrote, or that somebody sent.
        catalogue: What tasks and datasets there are.

    Raises:
        UserError: If the folder does not exist.
    """
    trust, results, rejections = Trust(catalogue), [], []
    for path in result_files(root):
        try:
            stored = Stored.read(path.parent)
            _check_place(stored, root)
            results.append(trust.check(stored))
        except Exception as error:  # noqa: BLE001 - a file of a stranger; no fault of it may end the others
            rejections.append(RejectedResult(path.parent, why_unread(error)))
    doubles = dict(_doubles(results))
    rejections += [RejectedResult(folder, reason) for folder, reason in doubles.items()]
    rejections.sort(key=lambda rejection: rejection.folder)
    return [stored for stored in results if stored.folder not in doubles], rejections


def why_unread(error: Exception) -> str:
    """Why a result is set aside, whatever reading it raised."""
    if isinstance(error, UserError):
        return str(error)
    return f"cannot be read: {type(error).__name__}: {error_line(error)}"


@dataclass
class Trust:
    """Checks results one by one, and keeps between them what they share.

    Attributes:
        catalogue: What tasks and datasets there are.
        protocols: Recipes that results may name; those of the package, unless given.
    """

    catalogue: Catalogue
    protocols: Mapping[str, Recipe] = field(
        default_factory=lambda: {**load_protocols(), FINGERPRINT: Boosting(), DIRECT: Direct()}
    )
    _tests: dict[str, TestRecords] = field(default_factory=dict)
    _tasks: dict[tuple[str, int], TaskRef] = field(default_factory=dict)
    _data: dict[str, Data] = field(default_factory=dict)

    def check(self, stored: Stored) -> Stored:
        """The result as it follows from its predictions.

        Raises:
            UserError: If anything it says of its records, task, protocol, encoder or key is not so, or its
                predictions are not those of the test split.
        """
        result = stored.result
        task = self._task(result.task.id, result.seed)
        self._check_protocol(result)
        _check_name(result)
        _check_code(result)
        data = self._data_of(task)
        predictions = self._joined(stored, task, data)
        if key_of(result.checkpoint.encoder_digest, task, data, result.protocol, result.seed) != result.key:
            raise UserError("its key is not that of its weights, records, task, protocol and versions")
        entry = result.task.model_copy(
            update={
                "declaration": task.task,
                "dataset": task.entry.id,
                "version": task.entry.dataset.version,
                "digest": data.digest,
                "partial": data.partial,
                "embedded": task.entry.dataset.embedded,
            }
        )
        update: dict[str, Any] = {
            "task": entry,
            "metrics": score(task.task, predictions),
            "n": len(predictions.ids),
            "overlap": checked_overlap(task, result.checkpoint.pretraining, result.overlap),
        }
        checked = result.model_copy(update=update)
        return replace(stored, result=checked, checked=predictions)

    def relabelled(self, stored: Stored) -> Stored:
        """The result beside the dataset's own labels, or with a warning where that is not built here.

        Raises:
            UserError: If its records are not those of the task as built here, or its predictions do not fit,
                or give no score.
        """
        result, unchecked = stored.result, None
        try:
            task = self._task(result.task.id, result.seed)
            data = self._data_of(task)
        except UserError as error:
            unchecked = str(error)
            warning = f"its labels are its own and could not be checked: {error}"
            predictions, declaration = stored.predictions, result.task.declaration
            update: dict[str, Any] = {"warnings": [*result.warnings, warning]}
        else:
            predictions, declaration = self._joined(stored, task, data), task.task
            update = {"task": result.task.model_copy(update={"declaration": declaration})}
        update |= {"metrics": score(declaration, predictions), "n": len(predictions.ids)}
        relabelled = result.model_copy(update=update)
        return replace(stored, result=relabelled, checked=predictions, unchecked=unchecked)

    def join(self, task: str, seed: int, given: Predictions) -> tuple[TaskRef, Data, Predictions]:
        """Predictions of a task beside the dataset's own labels, in its own order.

        Args:
            task: Id of the task.
            seed: Which fold it is, of a cross-validation.
            given: Predictions; of their labels nothing is read.

        Raises:
            UserError: If there is no such task, its dataset is not built here, or these are not one
                prediction for each of its test records, in its unit and shape.
        """
        ref = self._task(task, seed)
        return ref, self._data_of(ref), self._test(ref).labelled(given)

    def count(self, task: str, seed: int) -> int:
        """Test records of a task.

        Raises:
            UserError: If there is no such task, or its dataset is not built here.
        """
        return len(self._test(self._task(task, seed)).row_of)

    def _joined(self, stored: Stored, task: TaskRef, data: Data) -> Predictions:
        """A result's predictions beside the dataset's own labels."""
        if stored.result.task.split_digest != data.split:
            raise UserError(f"its records or split are not those of {task.id} as built here")
        test = self._test(task)
        return test.labelled(Predictions.read(stored.folder / PREDICTIONS_FILE, len(test.row_of)))

    def _check_protocol(self, result: Result) -> None:
        name = result.protocol.name
        if name not in self.protocols:
            raise unknown_protocol(name)
        given, known = (
            recipe.model_dump(exclude={"description"}) for recipe in (result.protocol, self.protocols[name])
        )
        if given != known:
            raise UserError(f"its settings are not those of protocol '{name}'")

    def built(self, name: str) -> bool:
        """Whether all records of a task lie here, so that predictions of it can be scored."""
        try:
            return not data_of(self._task(name, 0)).partial
        except UserError:
            return False

    def _task(self, name: str, seed: int) -> TaskRef:
        if (name, seed) not in self._tasks:
            matches = [ref for ref in self.catalogue.tasks([name]) if ref.id == name]
            if not matches:
                raise UserError(f"'{name}' is no task")
            if matches[0].folder is None:
                raise UserError(f"the dataset of {name} is not built here, so that nothing can be checked")
            self._tasks[name, seed] = matches[0].at(seed)
        return self._tasks[name, seed]

    def _data_of(self, task: TaskRef) -> Data:
        key = _key(task)
        if key not in self._data:
            self._data[key] = data_of(task)
        return self._data[key]

    def _test(self, task: TaskRef) -> TestRecords:
        key = _key(task)
        if key not in self._tests:
            self._tests[key] = TestRecords.of(task)
        return self._tests[key]


def _key(task: TaskRef) -> str:
    """Its fold included."""
    return f"{task.entry.id}/{task.name}@{task.split_name}"


def _check_place(stored: Stored, root: Path) -> None:
    result = stored.result
    expected = Path(
        result.checkpoint.name, *result.task.id.split("/"), result.protocol.name, str(result.seed)
    )
    if stored.folder.relative_to(root) != expected:
        raise UserError(f"it says that it belongs in {quoted(str(expected))[1:-1]}")


def _check_code(result: Result) -> None:
    """Its code is of this version of evaluation, which its key says, too."""
    match = _CODE.fullmatch(result.code)
    if match is None or int(match[1]) != EVALUATION_VERSION:
        raise UserError(
            f"it says that code {quoted(result.code)} made it, and its key is of evaluation version "
            f"{EVALUATION_VERSION}"
        )


def _check_name(result: Result) -> None:
    """A name is one, and a baseline is what it is called: random weights of its seed, or the trees."""
    entry = result.checkpoint
    require_name(entry.name, "its name")
    if not re.fullmatch(r"[0-9a-f]{64}", entry.encoder_digest):
        raise UserError("its encoder digest is no SHA-256")
    if not 0 <= result.seed < _SEEDS:
        raise UserError(f"its seed {quoted(result.seed)} is none from 0 to {_SEEDS - 1:,}")
    if isinstance(result.protocol, Boosting):
        if entry.name != FINGERPRINT or entry.encoder_digest != result.protocol.digest:
            raise UserError("it is not of the fingerprint baseline that its protocol names")
        return
    if entry.backbone == EXTERNAL:
        require_model_name(entry.name, "its name")
        if entry.scratch or entry.baseline != entry.name:
            raise UserError("it is of a model of somebody else's, which has no baseline here")
        return
    candidate = CheckpointCandidate(entry.name, entry.backbone, entry.config)
    scratch = candidate.scratch()
    if entry.baseline != scratch.name:
        raise UserError(f"its baseline is '{scratch.name}', not '{entry.baseline}'")
    if entry.scratch != (entry.name == scratch.name) or entry.name == FINGERPRINT:
        raise UserError(f"'{entry.name}' is not what it says it is")
    if not entry.scratch and entry.name.startswith(SCRATCH):
        raise UserError(f"names that start with '{SCRATCH}' are kept for baselines")
    if entry.scratch and entry.encoder_digest != encoder_digest(candidate.checkpoint(result.seed)):
        raise UserError(f"its weights are not those that seed {result.seed} gives '{entry.backbone}'")


def _doubles(results: Sequence[Stored]) -> Iterator[tuple[Path, str]]:
    """Results that cannot all be what they say, and why; all go, since none is known to be the one."""
    encoders = defaultdict(set)
    statements = defaultdict(set)
    rows = defaultdict(list)
    for stored in results:
        result = stored.result
        entry = result.checkpoint
        if not entry.scratch:
            encoders[entry.name].add(entry.encoder_digest)
        statements[entry.name].add(
            (entry.backbone, entry.baseline, entry.scratch, entry.method, repr(entry.config))
        )
        if result.seed_matters:
            rows[entry.name, result.task.id, result.protocol.name].append(stored)
    for stored in results:
        name = stored.result.checkpoint.name
        if len(encoders[name]) > 1:
            yield stored.folder, f"results of different weights are called '{name}'"
        elif len(statements[name]) > 1:
            yield (
                stored.folder,
                f"results of '{name}' say different things of its backbone, method or baseline",
            )
    for group in rows.values():
        for first, second in combinations(group, 2):
            if _same(first.predictions.prediction, second.predictions.prediction):
                seeds = f"{first.result.seed}, {second.result.seed}"
                yield first.folder, f"the same predictions stand under seeds {seeds}"
                yield second.folder, f"the same predictions stand under seeds {seeds}"


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether predictions are equal but for what rounding, or a forger's last digit, does to them."""
    return bool(np.abs(first - second).max(initial=0) <= 1e-7 * np.abs(first).max(initial=0))
