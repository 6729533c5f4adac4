"""What is told of a model beside its scores."""

from __future__ import annotations

from pydantic import Field

from molbench.spec.base import Spec
from molbench.spec.submission import Cost, Modality, Tier


class Card(Spec):
    """What is known of a model beside its scores.

    Attributes:
        model: Its name on the boards.
        family: Folder of its submission, ``painn``.
        modality: What its encoder reads: atoms in space, a bond graph, pairs of molecules, or fingerprints.
        tier: How far it has been checked.
        corpora: Catalogue ids of the datasets it was pretrained on, first to last.
        others: Names of corpora that are not in the catalogue, so that nobody knows what they share with it.
        digest: SHA-256 of the encoder.
        commit: Commit of the code that made the weights.
        links: Name to address: code, paper, weights.
        parameters: Weights of the encoder.
        cost: What its scores cost.
        date: Day on which it was scored, ``2026-01-31``.
        withdrawn: Why it was withdrawn; None where it was not.
    """

    model: str
    family: str
    modality: Modality = "geometry"
    tier: Tier = "re-scored"
    corpora: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    digest: str | None = None
    commit: str | None = None
    title: str | None = None
    authors: tuple[str, ...] = ()
    paper: str | None = None
    licence: str | None = None
    links: dict[str, str] = Field(default={})
    notes: str | None = None
    parameters: int | None = None
    cost: Cost | None = None
    date: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    withdrawn: str | None = None
