"""What the import of a user's own file is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from molbench.arguments import require_file
from molbench.errors import UserError
from molbench.spec.units import is_unit, same_dimension, unit_called

_LONGEST = 64  # characters of a name
_BRACKETS = re.compile(r"[(\[]([^()\[\]]+(?:\([^()]*\))?)[)\]]\s*$")
_SLASH = re.compile(r"\s/\s*(\S.*)$")


@dataclass(frozen=True)
class ImportRequest:
    """A file, and what of it is a label.

    Attributes:
        path: A table of SMILES (.csv, .tsv, .smi, .parquet, .xlsx), an SD file, an xyz file (extended or
            not), an ASE database (.db) or a NumPy archive (.npz); text may be compressed.
        name: Name of the new dataset. Default: that of the file.
        targets: A label, [NAME=]COLUMN[:UNIT[:UNIT OF SCORES]], for instance 'gap=HOMO-LUMO gap:Hartree:meV',
            or 'dG (kcal/mol)::kJ/mol' where the name says the unit; 1 is that of a number without one. May be
            repeated; without any, the dataset is for
            pretraining.
        forces: Column or array of forces, COLUMN[:UNIT[:UNIT OF SCORES]]; they belong to the first target.
        smiles: Column of SMILES; twice for pairs.
        ordered: Whether it matters which molecule of a pair comes first.
        id: Column of the ids. Default: records are numbered.
        conformers: Make a structure of each SMILES by ETKDG, checked; a pair always has them.
        length: Unit of coordinates, where neither the file nor its format says it.
        schemes: Only these of the split schemes that fit such records; may be repeated. Default: all.
        licence: Licence of the data.
        max_failures: Records that may fail to parse.
        replace: Take the place of a dataset imported under that name before.
        num_proc: Number of processes.
    """

    path: Path
    name: str | None = None
    _: KW_ONLY
    targets: Sequence[str] = ()
    forces: str | None = None
    smiles: Sequence[str] = ()
    ordered: bool = True
    id: str | None = None
    conformers: bool = False
    length: str | None = None
    schemes: Sequence[str] = ()
    licence: str = "unknown"
    max_failures: Annotated[int, Ge(0)] = 0
    replace: bool = False
    num_proc: Annotated[int, Ge(1)] = 1

    @property
    def dataset(self) -> str:
        """Name of the dataset: the one that is asked for, else made of that of the file."""
        if self.name is not None:
            return self.name
        return re.sub(r"[^a-z0-9]+", "-", self.path.name.partition(".")[0].lower()).strip("-")

    def __post_init__(self) -> None:
        from molbench.spec.dataset import PARTIAL
        from molbench.spec.names import check_filename, require_name

        require_name(self.dataset, "--name")
        if self.dataset.endswith(PARTIAL):
            raise UserError(f"--name: '{PARTIAL}' at the end is kept for builds that lack records")
        try:
            check_filename(self.path.name)
        except ValueError as error:
            raise UserError(str(error)) from error
        require_file(self.path)
        if self.path.stat().st_size == 0:
            raise UserError(f"{self.path}: empty file")
        if len(self.smiles) > 2:
            raise UserError("--smiles: a record has one molecule or two")
        if len(set(self.smiles)) < len(self.smiles):
            raise UserError(f"--smiles {self.smiles[0]}: stands twice; a pair has a column for each molecule")


@dataclass(frozen=True)
class Labelled:
    """A label as the user asks for it.

    Attributes:
        name: Column of the records, and name of the task.
        source: What the file calls it.
        unit: Unit in the file; None where it is not said.
        scored: Unit of scores; None for that of the file.
    """

    name: str
    source: str
    unit: str | None = None
    scored: str | None = None

    @classmethod
    def parse(cls, text: str, option: str, known: Sequence[str]) -> Labelled:
        """Read ``[NAME=]COLUMN[:UNIT[:UNIT]]``; a column of the file may have ``=`` and ``:`` in its name.

        Args:
            text: As the user gave it.
            option: What it was given to, for messages.
            known: Columns of the file.

        Raises:
            UserError: If a unit is unknown, the two measure different things, or the name cannot be one.
        """
        from molbench.spec.names import require_name

        name, _, rest = text.rpartition("=") if not _starts(text, known) else ("", "", text)
        source = max((column for column in known if _starts(rest, [column])), key=len, default="")
        units = rest[len(source) :].removeprefix(":").split(":") if source else rest.split(":")[1:]
        source = source or rest.partition(":")[0]
        if not source or len(units) > 2:
            raise UserError(f"{option} {text}: write [NAME=]COLUMN[:UNIT[:UNIT OF SCORES]]")
        parsed = [_unit(word, f"{option} {text}") if word else None for word in units]
        said, scored = [*parsed, None, None][:2]
        plain, stated = _stated(source)
        if said and stated and said != stated:
            scored_in = f"write {source}::{said} for scores in {said}, or "
            raise UserError(
                f"{option} {text}: the column's own name says {stated}; "
                f"{scored_in if same_dimension(said, stated) else 'if that is not so, '}rename the column"
            )
        unit = said or stated
        if unit and scored and not same_dimension(unit, scored):
            raise UserError(f"{option} {text}: '{unit}' cannot be told in '{scored}'")
        named = require_name(name, f"{option} {text}") if name else _slug(plain)
        if not named:
            raise UserError(f"{option} {text}: no name can be made of that; write NAME={text}")
        return cls(named, source, unit, scored)


def _starts(text: str, columns: Sequence[str]) -> bool:
    return any(text == column or text.startswith(f"{column}:") for column in columns)


def _unit(word: str, where: str) -> str:
    try:
        return unit_called(word)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None


def _stated(header: str) -> tuple[str, str | None]:
    """A header without what it says in brackets or behind a slash at its end, and the unit if that is one.

    Only known units are: what stands in ``gap (B3LYP)`` is asked for.
    """
    brackets, slash = _BRACKETS.search(header), _SLASH.search(header)
    if brackets:
        return header[: brackets.start()].rstrip(" /"), _known_unit(brackets[1])
    if slash and (unit := _known_unit(slash[1])):
        return header[: slash.start()], unit
    return header, None


def _known_unit(word: str) -> str | None:
    try:
        unit = unit_called(word)
    except ValueError:
        return None
    return unit if is_unit(unit) else None


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST].strip("_")
