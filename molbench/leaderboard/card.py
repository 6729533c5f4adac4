"""What is told of a model beside its scores."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from molbench.leaderboard.score import Tier
from molbench.spec.base import Spec


class Cost(Spec):
    """What a model costs; compared only within one version of the measurement and one device.

    Attributes:
        parameters: Weights of the encoder.
        device: Name of the processor or accelerator.
        throughput: Molecules encoded a second.
        version: Of how it was measured.
    """

    parameters: int | None = None
    device: str | None = None
    throughput: float | None = None
    version: int = 1


class Card(Spec):
    """What is known of a model beside its scores.

    Attributes:
        model: Its name on the boards.
        family: Folder of its submission, ``painn``.
        modality: What its encoder reads: atoms in space, a bond graph, pairs of molecules, or fingerprints.
        tier: How far it has been checked.
        corpora: Catalogue ids of the datasets it was pretrained on, first to last.
        digest: SHA-256 of the encoder.
        commit: Commit of the code that made the weights.
        links: Name to address: code, paper, weights.
        withdrawn: Why it was withdrawn; None where it was not.
    """

    model: str
    family: str
    modality: Literal["geometry", "graph", "pair", "fingerprint"] = "geometry"
    tier: Tier = "re-scored"
    corpora: tuple[str, ...] = ()
    digest: str | None = None
    commit: str | None = None
    title: str | None = None
    authors: tuple[str, ...] = ()
    paper: str | None = None
    licence: str | None = None
    links: dict[str, str] = Field(default={})
    notes: str | None = None
    cost: Cost = Cost()
    withdrawn: str | None = None
