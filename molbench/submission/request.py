"""What a submission is made of, as one object that Python and the command fill alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class PackRequest:
    """What a submission is made of.

    Attributes:
        results: Results of one model, as `molbench evaluate` wrote them: results/<model>.
        name: Name of the model for readers.
        licence: Of the predictions and the card, an SPDX identifier such as CC-BY-4.0.
        authors: Who submits it; may be repeated.
        paper: Address of the paper.
        links: Further addresses, code=https://…; may be repeated.
        commit: Commit of the code that made the weights, 40 hexadecimal digits.
        checkpoint: The weights, to be packed too, so that anybody can evaluate them again.
        checkpoint_url: Address where they can be fetched, in the place of packing them.
        device: Processor or accelerator that pretraining ran on.
        hours: Hours of it.
        family: Folder that the model belongs in; its backbone by default.
        url_prefix: Where files above 1 MiB will lie; they are then left beside the folder to be uploaded.
        notes: What else a reader should know.
        output: Folder of submissions.
    """

    results: Path
    name: str
    licence: str
    authors: list[str]
    paper: str | None = None
    links: list[str] = field(default_factory=list)
    commit: str | None = None
    checkpoint: Path | None = None
    checkpoint_url: str | None = None
    device: str | None = None
    hours: float | None = None
    family: str | None = None
    url_prefix: str | None = None
    notes: str | None = None
    output: Path = Path("submissions")
