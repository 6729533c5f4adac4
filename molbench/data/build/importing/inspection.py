"""What a file of a user's own is: which parser reads it, and what in it can be a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np

from molbench.data.build.importing.stated_units import stated_units
from molbench.data.build.parsers.extended_xyz import LayoutError, comment_values, layout_of, unit_tags
from molbench.data.build.parsers.labelled import ase_db, npz, sdf, table, xyz
from molbench.data.build.parsers.npz import open_npz
from molbench.data.build.parsers.tables import SMILES_COLUMNS
from molbench.data.build.parsers.text import SURROGATES
from molbench.data.build.parsers.unit_names import energy_unit, length_unit
from molbench.data.build.parsers.xyz import xyz_frames
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError, quoted, unknown_name
from molbench.spec.imports import ImportRequest, Labelled

_ARRAYS = {
    "numbers": ("z", "atomic_numbers", "nuclear_charges", "numbers", "species", "charges", "Z"),
    "positions": ("R", "positions", "coords", "pos", "coordinates", "xyz"),
    "forces": ("F", "forces", "force"),
}
_LOOKED_AT = 100
#: What files call the charge of a structure and its multiplicity, 2 S + 1.
_STATE = {
    "charge": ("charge", "total_charge"),
    "multiplicity": ("multiplicity", "spin_multiplicity", "spin"),
}
_TELLING = re.compile("unit|charge|spin|multiplicity", re.IGNORECASE)

Content = Literal["molecules", "trajectory", "pairs"]


@dataclass(frozen=True)
class Inspection:
    """What a file is, and what in it may be asked for.

    Attributes:
        parser: Name of the parser.
        columns: What can be a label or an id.
        vectors: What can be forces.
        options: Options of the parser, but for labels, id and forces.
        content: What its records are: molecules, frames of one trajectory, or pairs of molecules.
        smiles: Whether records have SMILES.
        units: Units that the file or its format states, by column.
    """

    parser: str
    columns: Sequence[str]
    vectors: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    content: Content = "molecules"
    smiles: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def record(self) -> str:
        """Kind of record."""
        return "pair" if self.content == "pairs" else "molecule"


def inspect_file(request: ImportRequest) -> Inspection:
    """Look into a file.

    Raises:
        UserError: If no parser reads such files, or it is not what its name says.
    """
    name = request.path.name.lower()
    for suffixes, look in _LOOKS:
        if name.endswith(suffixes):
            return look(request)
    known = ", ".join(suffix for suffixes, _ in _LOOKS for suffix in suffixes if suffix.count(".") == 1)
    raise UserError(f"{request.path}: no file that is read here; it may end in: {known}")


def _table(request: ImportRequest) -> Inspection:
    header = next(table.read_cells(request.path))[1]
    if foreign := next((name for name in header if SURROGATES.search(name)), None):
        raise UserError(f"{request.path}: {quoted(foreign)}: not UTF-8; save the table as UTF-8")
    smiles = list(request.smiles) or [name for name in header if name.lower() in SMILES_COLUMNS][:1]
    if not smiles:
        raise UserError(
            f"{request.path}: which column has the SMILES? Name it with --smiles, two of them for pairs; "
            f"the columns, by its first line, are: {', '.join(header)}"
        )
    for name in smiles:
        if name not in header:
            raise unknown_name("column", name, header)
    if len(smiles) == 1 and not request.conformers:
        raise UserError(
            f"{request.path}: SMILES have no structures, and encoders here read structures; "
            "--conformers makes one of each, by ETKDG"
        )
    content: Content = "molecules" if len(smiles) == 1 else "pairs"
    return Inspection("labelled-table", header, options={"smiles": smiles}, content=content, smiles=True)


def _sdf(request: ImportRequest) -> Inspection:
    names: dict[str, None] = {}
    for _, _, block in islice(sdf.numbered_blocks(request.path), _LOOKED_AT):
        names |= dict.fromkeys(sdf.properties(block))
    return Inspection("labelled-sdf", [*names], options={"conformers": request.conformers}, smiles=True)


def _xyz(request: ImportRequest) -> Inspection:
    if not (request.targets or request.id or request.smiles):
        return Inspection(
            "xyz", []
        )  # geometries to pretrain on, under the names that their comment lines are
    path, columns, vectors = request.path, {xyz.COMMENT: None}, dict[str, None]()
    symbols: set[tuple[bytes, ...]] = set()
    tags: set[tuple[str, str]] = set()
    names: set[str] = set()
    frames, fault = 0, ""
    with open_stream(path) as file:
        for line, comment, atoms in xyz_frames(file, path):
            frames += 1
            text = comment.decode("utf-8", "replace")
            if len(symbols) < 2:
                symbols.add(_elements(text, atoms))
            looked_at = frames <= _LOOKED_AT
            # Of every frame, for one that states another unit, or a charge, is not to be passed over.
            values = comment_values(text) if looked_at or _TELLING.search(text) else {}
            tags |= unit_tags(values).items()
            names |= values.keys()
            if looked_at:
                columns |= dict.fromkeys(values)
                try:
                    vectors |= dict.fromkeys(layout_of(text).vectors)
                except LayoutError as error:
                    fault = fault or f"{path}, line {line + 1:,}: {error}"
    if fault and request.forces and not vectors:
        raise UserError(fault)
    vectors = {name: None for name in vectors if name.lower() != "pos"}
    content = _content(one_molecule=len(symbols) == 1 < frames)
    smiles = _smiles_column(request, [*columns])
    options = _frame_options(request, content, smiles, names)
    units = stated_units(path, tags, [*columns, *vectors])
    return Inspection(
        "labelled-xyz", [*columns], [*vectors], options, content=content, smiles=bool(smiles), units=units
    )


def _content(*, one_molecule: bool) -> Content:
    """Several geometries of one composition are taken for a trajectory."""
    return "trajectory" if one_molecule else "molecules"


def _elements(comment: str, atoms: Sequence[bytes]) -> tuple[bytes, ...]:
    """Symbols or atomic numbers of a frame, as they are written."""
    try:
        layout = layout_of(comment)
    except ValueError:
        return ()
    column = next(column for column in (layout.symbol, layout.number, 0) if column is not None)
    return tuple((line.split()[column : column + 1] or [b""])[0] for line in atoms)


def _database(request: ImportRequest) -> Inspection:
    columns: dict[str, None] = {}
    vectors: dict[str, None] = {}
    units: dict[str, str] = {}
    numbers: set[bytes] = set()
    rows = 0
    for _, row in ase_db.read_systems(request.path):
        rows += 1
        numbers.add(bytes(row["numbers"] or b""))
        if rows <= _LOOKED_AT:
            units |= ase_db.row_units(row)
            for name, value in ase_db.row_values(row).items():
                (vectors if np.ndim(value) == 2 or name == "forces" else columns)[name] = None
        elif len(numbers) > 1:
            break
    content = _content(one_molecule=len(numbers) == 1 < rows)
    smiles = _smiles_column(request, [*columns])
    options = _frame_options(request, content, smiles, {*columns})
    return Inspection(
        "ase-db", [*columns], [*vectors], options, content=content, smiles=bool(smiles), units=units
    )


def _archive(request: ImportRequest) -> Inspection:
    with open_npz(request.path) as archive:
        keys = archive.keys
        stated = {unit: archive.text(key) for unit, key in (("energy", "e_unit"), ("length", "r_unit"))}
        arrays = {what: next((key for key in known if key in keys), None) for what, known in _ARRAYS.items()}
        for what in ("numbers", "positions"):
            if arrays[what] is None:
                known = ", ".join(_ARRAYS[what])
                raise UserError(f"{request.path}: no array of {what} ({known}); it has: {', '.join(keys)}")
        single = len(archive.member(str(arrays["numbers"])).shape) == 1
    try:
        length = length_unit(request.length or stated["length"] or "Å")
        energy = energy_unit(stated["energy"]) if stated["energy"] else None
    except ValueError as error:
        raise UserError(f"{request.path}: {error}") from None
    content = _content(one_molecule=single)
    options: dict[str, Any] = {what: arrays[what] for what in ("numbers", "positions")}
    options |= {"length": length, "trajectory": single}
    forces = [arrays["forces"]] if arrays["forces"] else []
    units = {} if energy is None else {"E": energy, "energy": energy, "energies": energy}
    if energy is not None and forces:
        units |= {forces[0]: f"{energy}/{length}"}
    others = [key for key in keys if key not in arrays.values()]
    return Inspection("labelled-npz", others, forces, options, content=content, units=units)


def _frame_options(
    request: ImportRequest, content: Content, smiles: str | None, names: AbstractSet[str]
) -> dict[str, Any]:
    """Options of the parsers of frames; what is asked for as a label is no state of a structure."""
    labels = {Labelled.parse(text, "--target", [*names]).source for text in request.targets}
    state = {
        name: next((key for key in keys if key in names - labels), None) for name, keys in _STATE.items()
    }
    options = {"smiles": smiles} | state
    return {"trajectory": content == "trajectory"} | {name: key for name, key in options.items() if key}


def _smiles_column(request: ImportRequest, columns: Sequence[str]) -> str | None:
    """The key of a SMILES that frames have beside their structure."""
    if len(request.smiles) > 1:
        raise UserError("--smiles: pairs are read from tables only")
    for name in request.smiles:
        if name not in columns:
            raise unknown_name("column", name, columns)
    return next(iter(request.smiles), None) or next(
        (name for name in columns if name.lower() in SMILES_COLUMNS), None
    )


_LOOKS: tuple[tuple[tuple[str, ...], Callable[[ImportRequest], Inspection]], ...] = (
    (table.SUFFIXES, _table),
    (sdf.SUFFIXES, _sdf),
    (xyz.SUFFIXES, _xyz),
    (ase_db.SUFFIXES, _database),
    (npz.SUFFIXES, _archive),
)
