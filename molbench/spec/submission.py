"""``submission.yaml``: the card of a model, and where the predictions lie that it is scored by."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator, Field, field_validator, model_validator

from molbench.errors import quoted
from molbench.escape import visible
from molbench.spec.base import Spec
from molbench.spec.names import Name, check_filename
from molbench.spec.units import check_unit

#: How far a number has been checked: told by somebody, computed again from stored predictions, or made again
#: from the weights.
Tier = Literal["reported", "re-scored", "re-run"]
#: What an encoder reads: atoms in space, a bond graph, pairs of molecules, or fingerprints.
Modality = Literal["geometry", "graph", "pair", "fingerprint"]
#: Bytes of a file of predictions, and of weights.
MOST_BYTES = 2**30
_LICENCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$")
_TASK = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*(@[a-z0-9][a-z0-9._-]*)?")


def check_address(text: str) -> str:
    """An address that a page may link to.

    Raises:
        ValueError: If it is not ``https`` to a host with a public name, or holds a password or blanks.
    """
    try:
        parts = urlsplit(text)
        named = re.fullmatch(r"[a-z0-9.-]+\.[a-z][a-z0-9-]+", parts.hostname or "") is not None
        sound = parts.scheme == "https" and named and parts.username is None and parts.port in {None, 443}
    except ValueError:
        sound = False
    if not sound or visible(text) != text or re.search(r"[\s<>\"'`\\]", text):
        raise ValueError(
            "an address must be https:// and a public name, without blanks, quotes, port or password"
        )
    return text


def check_line(text: str) -> str:
    """One line that says something and hides nothing.

    Raises:
        ValueError: If it is empty, has several lines, or characters that cannot be seen.
    """
    if not text.strip() or visible(text) != text:
        raise ValueError("must be one line of visible text")
    return text


def check_place(text: str) -> str:
    """Where a file lies below the folder of its submission.

    Raises:
        ValueError: If it could lie elsewhere.
    """
    path = PurePosixPath(text)
    if path.is_absolute() or str(path) != text:
        raise ValueError("must be a path below the folder of the submission, with '/' between its parts")
    for part in path.parts:
        check_filename(part)
    return text


def _task(text: str) -> str:
    if not _TASK.fullmatch(text):
        raise ValueError("is no task id; they look like qm9/homo or qm9/homo@scaffold")
    return text


def _unit(text: str) -> str:
    check_unit(text)
    return text


Address = Annotated[str, Field(max_length=500), AfterValidator(check_address)]
Line = Annotated[str, Field(max_length=300), AfterValidator(check_line)]
Place = Annotated[str, Field(max_length=300), AfterValidator(check_place)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Seed = Annotated[int, Field(ge=0, le=10_000)]


class File(Spec):
    """A file of a submission, in its folder or at an address.

    Attributes:
        file: Path below the folder; or
        url: address of what is too large for it.
        size: Bytes.
        sha256: Of its bytes.
    """

    file: Place | None = None
    url: Address | None = None
    size: int = Field(ge=1, le=MOST_BYTES)
    sha256: Sha256

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("give either file or url")
        return self


class Predicted(File):
    """Predictions of one task under one protocol, of every seed.

    Attributes:
        task: Id of the task, ``qm9/homo@scaffold``.
        protocol: Name of the protocol they were made under.
        unit: Of the predictions: the dataset's own.
        force_unit: Of the forces, for tasks that have some.
        seeds: One each; of a cross-validation its folds.
        split: Digest of the records that the scheme uses: ids, splits, labels and molecules.
        value: What the model is said to score, a mean over seeds in the unit the task reports.
        speed: Records a second in predicting, or in encoding by a frozen encoder, a mean over seeds.
    """

    task: Annotated[str, AfterValidator(_task)]
    protocol: Name
    unit: Annotated[str, AfterValidator(_unit)]
    force_unit: Annotated[str, AfterValidator(_unit)] | None = None
    seeds: list[Seed] = Field(min_length=1, max_length=200)
    split: Sha256
    value: float = Field(allow_inf_nan=False)
    speed: float | None = Field(default=None, gt=0, le=1e12, allow_inf_nan=False)

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed stands twice")
        return self


class PretrainingCorpus(Spec):
    """One stage of pretraining.

    Attributes:
        dataset: Id of a dataset of the catalogue; or
        other: the name of one that is not in it.
        subset: Part of it, where it has parts.
        scheme: Split scheme whose training split it was.
        digest: Content digest, where it is known.
        steps: Optimiser steps.
    """

    dataset: Name | None = None
    other: Line | None = None
    subset: Name | None = None
    scheme: Name | None = None
    digest: Sha256 | None = None
    steps: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.dataset is None) == (self.other is None):
            raise ValueError("give either dataset, which is in the catalogue, or other")
        return self


class Weights(Spec):
    """Which encoder it is.

    Attributes:
        encoder_digest: SHA-256 over weights, backbone and configuration, as results have it.
        checkpoint: The file, which ``--rerun`` evaluates.
    """

    encoder_digest: Sha256
    checkpoint: File | None = None


class Compute(Spec):
    """What pretraining cost.

    Attributes:
        device: Name of the processor or accelerator.
        hours: Of one such device.
    """

    device: Line
    hours: float = Field(ge=0, le=1e7, allow_inf_nan=False)


class Cost(Spec):
    """What scoring took, as the harness measured it; compared only within one version and on one device.

    Attributes:
        device: Name of the processor or accelerator.
        version: Of the measurement.
        seconds: Wall time of all scores together.
    """

    device: Line
    version: int = Field(ge=1, le=1000)
    seconds: float = Field(ge=0, le=1e9, allow_inf_nan=False)


class Submission(Spec):
    """A model as it stands on the boards.

    Attributes:
        format: Version of this layout.
        model: Its name in results, and of its folder.
        name: Its name for readers.
        backbone: Name of the encoder.
        baseline: Model that is the same encoder from scratch; None if it is one itself, or has none.
        scratch: Whether its weights are random, drawn from the seed of each run.
        parameters: Weights of the encoder.
        method: How it was pretrained; None if it was not.
        modality: What it reads: atoms in space, a bond graph, pairs of molecules, or fingerprints.
        pretraining: Its stages, first to last.
        compute: What these cost.
        cost: What scoring cost, told by whoever packed it.
        weights: Which encoder it is; with ``commit`` needed for any tier above *reported*.
        commit: Commit of the code that made it.
        licence: Of the predictions and the card, an SPDX identifier.
        authors: Who made it.
        paper: Address of the paper.
        links: Name to address: code, weights.
        notes: What else a reader should know; plain text.
        predictions: What it is scored by, one entry a task and protocol.
    """

    format: Literal[1] = 1
    model: Name
    name: Line
    backbone: Name
    baseline: Name | None = None
    scratch: bool = False
    parameters: int | None = Field(default=None, ge=0, le=10**12)
    method: Line | None = None
    modality: Modality = "geometry"
    pretraining: list[PretrainingCorpus] = Field(default=[], max_length=20)
    compute: Compute | None = None
    cost: Cost | None = None
    weights: Weights | None = None
    commit: Commit | None = None
    licence: Annotated[str, Field(json_schema_extra={"pattern": _LICENCE.pattern})]
    authors: list[Line] = Field(min_length=1, max_length=100)
    paper: Address | None = None
    links: dict[Name, Address] = {}
    notes: Annotated[str, Field(max_length=4000)] | None = None
    predictions: list[Predicted] = Field(min_length=1, max_length=1000)

    @field_validator("licence")
    @classmethod
    def _known_licence(cls, value: str) -> str:
        try:
            if not _LICENCE.match(value):
                raise InvalidLicenseExpression
            return canonicalize_license_expression(value)
        except InvalidLicenseExpression:
            raise ValueError(
                f"{quoted(value)} is no SPDX identifier such as CC-BY-4.0; LicenseRef-NAME is one of your own"
            ) from None

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        named = [(entry.task, entry.protocol) for entry in self.predictions]
        if twice := next((pair for pair in named if named.count(pair) > 1), None):
            raise ValueError(f"predictions of {twice[0]} under '{twice[1]}' are listed twice")
        places = [entry.file for entry in self.predictions if entry.file]
        if twice_used := next((path for path in places if places.count(path) > 1), None):
            raise ValueError(f"{twice_used} is listed for two tasks")
        if self.baseline == self.model:
            raise ValueError("a model is not its own baseline")
        return self


class Withdrawal(Spec):
    """A submission that was withdrawn: its row keeps its address and says why.

    Attributes:
        submission: ``family/model``.
        tasks: Ids of the tasks it is withdrawn from; none for all.
        reason: Why.
        date: When.
    """

    submission: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*$")]
    tasks: list[str] = []
    reason: Line
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Withdrawn(Spec):
    """``submissions/withdrawn.yaml``.

    Attributes:
        withdrawn: What was taken back, and why.
    """

    withdrawn: list[Withdrawal] = []
