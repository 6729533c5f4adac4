"""``dataset.yaml``: where a dataset comes from and what its columns mean."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from molbench.registry import Registry
from molbench.spec.base import Spec
from molbench.spec.names import FileName, Name, listed_name
from molbench.spec.spectra import SpectrumColumn
from molbench.spec.units import check_unit

#: Kinds of record by name. What they are lies in a room below, which is listed here and not imported.
RECORD_KINDS: Registry[Any] = Registry("record kind", "molbench.data.records", "molbench.record_kinds")

PARTIAL = "-partial"
"""Ends the id of a build that lacks records."""


def _known_records(schema: dict[str, Any]) -> None:
    schema["enum"] = [*RECORD_KINDS]


class SourceFile(Spec):
    """One raw file and how to recognise it.

    Attributes:
        filename: Name under which the file is kept.
        urls: Addresses to try in turn, the official one first.
        size: Length in bytes, where known.
        md5: Published MD5, lower-case hexadecimal.
        sha256: SHA-256, lower-case hexadecimal.
        members: Files wanted from inside an archive; empty when the file is not one.
        aliases: Other names the file is found under on users' disks.
        pieces: Files that stand for its first member where all of them are on disk: a copy that is cut up.
        notice: Terms to show before a user is asked to fetch the file by hand.
    """

    filename: FileName
    urls: list[str] = []
    size: int | None = Field(default=None, ge=1)
    md5: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    members: list[str] = []
    aliases: list[FileName] = []
    pieces: list[FileName] = []
    notice: str | None = None


class Target(Spec):
    """One label in the source's own unit.

    Attributes:
        unit: Unit of the stored values.
        description: What the number is.
        reference: Value of one free atom of each element, in ``unit``; subtracting the sum over the atoms
            turns a total into an atomisation quantity.
    """

    unit: str
    description: str
    reference: dict[str, float] | None = None

    @model_validator(mode="after")
    def _known_unit(self) -> "Target":
        check_unit(self.unit)
        return self


class Subset(Spec):
    """A part of a dataset with files and tasks of its own, such as one molecule of MD17.

    Attributes:
        description: What it is.
        sources: Raw files of its own, beside those of the dataset.
        parser: What reads its files, where that is not the parser of the dataset.
        options: Options of the parser, beside those of the dataset.
        records: Records of the complete subset; see :class:`Dataset`.
    """

    description: str = ""
    sources: dict[str, SourceFile] = {}
    parser: str | None = None
    options: dict[str, Any] = {}
    records: int | None = None


class Dataset(Spec):
    """One dataset: its origin, its records and its targets.

    Attributes:
        name: What it is called, as its folder is: lower-case letters, digits, '.', '_' and '-'.
        version: Three numbers; raised whenever records change.
        title: Heading of its card.
        summary: What it holds, where from, and what one must know of it.
        record: What a row is: one molecule, two, or a ligand in its pocket.
        licence: Terms of use, best as an SPDX identifier.
        citation: What to cite.
        homepage: Where it is published.
        level_of_theory: How labels were computed, or that they were measured.
        options: Options of the parser.
        sources: Raw files, by keys that parsers and split schemes name.
        subsets: Parts with files and tasks of their own.
        targets: Labels of one number a record, by column.
        spectra: Labels of a curve a record, by column.
        forces: Unit of the forces on atoms, where there are some.
        parser: What reads the raw files; subsets may each name their own.
        records: Records of the complete dataset. A build of fewer is partial, and so is every build where
            nobody declares them, unless all sources have a SHA-256.
        max_failures: Records that may fail to parse before a build is refused.
        identity: What makes two records the same thing: a molecule (``inchikey``), a trajectory ``frame``,
            two molecules in any order (``pair``), a common ``group`` such as the protein, or the ``id``.
        ordered: For pairs and two structures, whether it matters which comes first.
        embedded: Whether the Parquet lies in the catalogue itself.
    """

    name: Name
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str
    summary: str
    record: Annotated[str, listed_name(RECORD_KINDS), Field(json_schema_extra=_known_records)]
    licence: str
    citation: list[str]
    homepage: str | None = None
    level_of_theory: str | None = None
    parser: str | None = None
    options: dict[str, Any] = {}
    sources: dict[str, SourceFile] = {}
    subsets: dict[Name, Subset] = {}
    targets: dict[str, Target] = {}
    spectra: dict[str, SpectrumColumn] = {}
    forces: Target | None = None
    records: int | None = None
    max_failures: int = Field(default=0, ge=0)
    identity: Literal["inchikey", "frame", "pair", "group", "id"] = "inchikey"
    ordered: bool = True
    embedded: bool = False

    @property
    def columns(self) -> dict[str, Target | SpectrumColumn]:
        """What can be predicted: values and spectra."""
        return {**self.targets, **self.spectra}

    @model_validator(mode="after")
    def _parsed(self) -> "Dataset":
        parsers = [subset.parser for subset in self.subsets.values()] or [None]
        if self.parser is None and None in parsers:
            raise ValueError("no parser is named, neither for the dataset nor for every subset")
        return self

    def subset_parser(self, subset: str | None) -> str:
        """Name of the parser of one subset: its own, or the common one."""
        parser = self.subsets[subset].parser if subset else None
        return parser or str(self.parser)

    @field_validator("name")
    @classmethod
    def _complete(cls, name: str) -> str:
        if name.endswith(PARTIAL):
            raise ValueError(
                f"'{name}' cannot name a dataset: '{PARTIAL}' is kept for builds that lack records"
            )
        return name

    def subset_sources(self, subset: str | None) -> dict[str, SourceFile]:
        """Sources of one subset: the common ones and its own."""
        return self.sources | (self.subsets[subset].sources if subset else {})

    def subset_options(self, subset: str | None) -> dict[str, Any]:
        """Parser options of one subset: the common ones, overridden by its own."""
        return self.options | (self.subsets[subset].options if subset else {})

    def subset_records(self, subset: str | None) -> int | None:
        """Complete number of records of one subset."""
        return self.subsets[subset].records if subset else self.records
