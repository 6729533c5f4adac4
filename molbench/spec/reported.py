"""``leaderboards/reported/*.yaml``: numbers of papers, shown beside scores and never ranked with them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from molbench.spec.base import Spec
from molbench.spec.names import Name
from molbench.spec.submission import Line

#: What is told of whether a number was made as one of this project's protocols makes it.
Match = Literal["yes", "no", "unknown"]


class Paper(Spec):
    """Whose numbers they are.

    Attributes:
        title: Of the paper.
        arxiv: Its number there.
        venue: Where it appeared.
        year: When.
    """

    title: Line
    arxiv: str | None = Field(default=None, pattern=r"^\d{4}\.\d{4,5}$")
    venue: Line | None = None
    year: int | None = None


class ReportedColumn(Spec):
    """What a column of a table holds.

    Attributes:
        task: Task of the catalogue that it is about; None where there is none.
        metric: Name of a metric of this project, or what was counted.
        unit: As printed; ``percent`` of what is a share.
    """

    task: str | None = None
    metric: Line
    unit: Line


class RepeatedRow(Spec):
    """Which models of this project repeat a row: those of one backbone and method.

    Attributes:
        backbone: Name of the encoder.
        method: How it was pretrained; None from scratch.
    """

    backbone: Name
    method: Name | None = None


class ReportedTable(Spec):
    """One table or figure of a paper.

    Attributes:
        table: Which one.
        sources: What was read.
        reading: The authors' own text, another's print of it, a part, or bars and curves of a figure, whose
            numbers are not shown.
        split: Sizes of the splits, as far as they are known.
        protocol: Protocol of this project that does the same.
        match: Whether it does.
        dispersion: What stands behind ±, where something does.
        columns: By name.
        rows: Name of a model to its numbers, each alone or with its dispersion.
        reproduced: Name of a model to what repeats it here, where this project has encoder and method; it is
            then shown beside, with its deviation and the ratio of the budgets.
    """

    table: Line
    sources: list[Line] = Field(min_length=1)
    reading: Literal["primary", "secondary", "partial", "figure"]
    split: Line | None = None
    protocol: Name | None = None
    match: Match
    dispersion: Line | None = None
    columns: dict[str, ReportedColumn]
    rows: dict[str, dict[str, float | tuple[float, float]]]
    reproduced: dict[str, RepeatedRow] = {}

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        for model, numbers in self.rows.items():
            if unknown := sorted(set(numbers) - set(self.columns)):
                raise ValueError(f"{model}: no column '{unknown[0]}'")
        if unknown := sorted(set(self.reproduced) - set(self.rows)):
            raise ValueError(f"reproduced: no row '{unknown[0]}'")
        spread = any(isinstance(number, tuple) for row in self.rows.values() for number in row.values())
        if spread and self.dispersion is None:
            raise ValueError("some numbers have a dispersion, and nothing says what it is")
        if self.match == "yes" and (self.protocol is None or self.reading != "primary"):
            raise ValueError("a match needs the protocol that it is one with, and the authors' own text")
        return self


class ReportedPaper(Spec):
    """All numbers of one paper that were read.

    Attributes:
        name: What the file is called.
        paper: Which one.
        tables: Its tables and figures.
    """

    name: Name
    paper: Paper
    tables: list[ReportedTable]
