"""Records of a built dataset in the formats of other programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow.csv import WriteOptions, write_csv

from molbench.atomic import replace_file
from molbench.data.read.store import Store
from molbench.errors import UserError, quoted
from molbench.spec.units import factor, same_dimension

_TEXTS = ("id", "smiles", "inchikey", "group", "a_smiles", "a_inchikey", "b_smiles", "b_inchikey")
_STATE = {"charge": "charge", "multiplicity": "spin"}
_TABLE = ".csv"
_ESCAPED = re.compile(r'["\\]')
_AS_WRITTEN = r"\\\g<0>"
_LONGEST_V2000 = 999
#: A charge or an isotope in the brackets of a SMILES.
_NOT_IN_GEOMETRY = re.compile(r"\[\d|[+-]\d*(?::\d+)?\]")


@dataclass(frozen=True)
class Exported:
    """One molecule with what is known of it.

    Attributes:
        numbers: Atomic numbers, [N].
        positions: Å, [N, 3].
        texts: Names of it.
        labels: Numbers in the dataset's units; those that it lacks are not there.
        forces: In the dataset's unit, [N, 3], or None.
        bonds: Bonded atoms and orders, [K, 3], or None.
        state: Charge and multiplicity, as far as records tell them, by what ASE calls them.
    """

    numbers: np.ndarray
    positions: np.ndarray
    texts: Mapping[str, str]
    labels: Mapping[str, float]
    forces: np.ndarray | None
    bonds: np.ndarray | None
    state: Mapping[str, int]


def export(store: Store, rows: np.ndarray, path: Path) -> int:
    """Write records to a file whose name says the format.

    ``.extxyz``, ``.xyz``, ``.sdf`` and ``.db`` of ASE have structures; ``.csv`` has names and labels only.

    Args:
        store: The records; of one molecule each, but for a table.
        rows: Which, [n] int64, in the order wanted.
        path: The file; appears whole or not at all.

    Returns:
        How many were written.

    Raises:
        UserError: If a record has two molecules and the format holds one, the format is unknown, the file is
            there already, or ASE is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in {*WRITERS, _TABLE}:
        raise UserError(f"{path}: the name must end in one of: {', '.join([*WRITERS, _TABLE])}")
    several = store.record.molecule_table or store.molecules_per_record != 1
    if several and suffix != _TABLE:
        raise UserError(
            f"{store.dataset_id}: a record has more molecules than one, which only a table ({_TABLE}) holds"
        )
    if path.exists():
        raise UserError(f"{path}: is there already; choose another name or remove it")
    with replace_file(path) as temporary:
        if suffix == _TABLE:
            _write_table(store, rows, temporary)
        else:
            WRITERS[suffix](_molecules(store, rows), temporary, store)
    return len(rows)


def _write_table(store: Store, rows: np.ndarray, path: Path) -> None:
    """Names and labels, whose units stand in the header as an import reads them."""
    names = [name for name in (*_TEXTS, *store.dataset.targets) if name in store.table.schema.names]
    units = {name: target.unit for name, target in store.dataset.targets.items()}
    header = [name if units.get(name, "1") == "1" else f"{name} ({units[name]})" for name in names]
    columns = [store.column(name).take(pa.array(rows)) for name in names]
    write_csv(pa.table(columns, header), path, WriteOptions(quoting_style="needed"))


def _molecules(store: Store, rows: np.ndarray) -> Iterator[Exported]:
    names = store.table.schema.names
    texts = [name for name in _TEXTS if name in names]
    labels = {name: store.target(name) for name in store.dataset.targets if name in names}
    state = {key: store.column(name) for name, key in _STATE.items() if name in names}
    orders = store.column("bond_orders") if "bond_orders" in names else None
    for row in rows.tolist():
        atoms = store.atom_index.gather(np.array([row]), forces=True)
        bonds = atoms["bonds"].numpy() if orders is not None and "bonds" in atoms else None
        if bonds is not None and orders is not None:
            bonds = np.column_stack([bonds, np.array(orders[row].as_py(), dtype=np.int64)])
        known = {name: store.column(name)[row].as_py() for name in texts}
        if broken := next((name for name, text in known.items() if text and not text.isprintable()), None):
            raise UserError(
                f"{store.dataset_id}, {quoted(known['id'])}: {broken} has characters that no such file "
                "holds, such as a line break; export a table (.csv)"
            )
        values = {name: float(column[row]) for name, column in labels.items()}
        yield Exported(
            atoms["atomic_numbers"].numpy(),
            atoms["positions"].numpy(),
            {name: text for name, text in known.items() if text},
            {name: value for name, value in values.items() if np.isfinite(value)},
            atoms["forces"].numpy() if "forces" in atoms else None,
            bonds,
            {key: value for key, column in state.items() if (value := column[row].as_py()) is not None},
        )


def _write_extxyz(molecules: Iterator[Exported], path: Path, store: Store) -> None:
    from rdkit.Chem import GetPeriodicTable

    symbol = GetPeriodicTable().GetElementSymbol
    with path.open("w", encoding="utf-8") as file:
        for molecule in molecules:
            columns = "species:S:1:pos:R:3" + (":forces:R:3" if molecule.forces is not None else "")
            pairs = [f"Properties={columns}"]
            pairs += [f'{key}="{_ESCAPED.sub(_AS_WRITTEN, text)}"' for key, text in molecule.texts.items()]
            pairs += [f"{key}={value}" for key, value in molecule.state.items()]
            if molecule.forces is not None and store.dataset.forces is not None:
                pairs.append(f'forces_unit="{store.dataset.forces.unit}"')
            for name, value in molecule.labels.items():
                pairs += [f"{name}={value!r}", f'{name}_unit="{store.dataset.targets[name].unit}"']
            file.write(f'{len(molecule.numbers)}\n{" ".join(pairs)} pbc="F F F"\n')
            parts = [molecule.positions, *([molecule.forces] if molecule.forces is not None else [])]
            for number, row in zip(molecule.numbers.tolist(), np.hstack(parts), strict=True):
                file.write(f"{symbol(number)} {' '.join(f'{value:.9g}' for value in row)}\n")


def _write_sdf(molecules: Iterator[Exported], path: Path, _store: Store) -> None:
    from rdkit import Chem

    with path.open("w", encoding="utf-8") as file:
        for molecule in molecules:
            built = _bonded(molecule)
            built.SetProp("_Name", molecule.texts["id"])
            large = len(molecule.numbers) > _LONGEST_V2000
            file.write(Chem.MolToMolBlock(built, kekulize=False, forceV3000=large))
            properties = {**molecule.texts, **molecule.labels}
            file.write("".join(f">  <{name}>\n{value}\n\n" for name, value in properties.items()) + "$$$$\n")


def _bonded(molecule: Exported) -> Any:
    """A molecule with bonds: of a SMILES with charges or isotopes, else its own or the geometry's."""
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds
    from rdkit.rdBase import BlockLogs

    built = Chem.RWMol()
    for number in molecule.numbers.tolist():
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        built.AddAtom(atom)
    conformer = Chem.Conformer(len(molecule.numbers))
    conformer.SetPositions(molecule.positions.astype(np.float64))
    built.AddConformer(conformer)
    charged = _of_smiles(built, molecule.texts.get("smiles", ""))
    if charged is not None:
        return charged
    if molecule.bonds is not None:
        kinds = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
        for first, second, order in molecule.bonds.tolist():
            built.AddBond(first, second, kinds[order - 1])
        return built
    with BlockLogs():
        copy = Chem.RWMol(built)
        try:
            rdDetermineBonds.DetermineBonds(copy)
            Chem.SanitizeMol(Chem.RWMol(copy))
        except (RuntimeError, ValueError):  # a radical, an ion, or far from any minimum
            rdDetermineBonds.DetermineConnectivity(built)
            return built
    return copy


def _of_smiles(atoms: Any, smiles: str) -> Any:
    """Atoms in space with the bonds, charges and isotopes of a SMILES, where no geometry would tell them.

    Returns:
        The molecule; None where the SMILES has neither, or its atoms are not connected as these lie.
    """
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        meant = Chem.MolFromSmiles(smiles) if _NOT_IN_GEOMETRY.search(smiles) else None
        if meant is None:
            return None
        meant = Chem.AddHs(meant)
        lying = Chem.RWMol(atoms)
        rdDetermineBonds.DetermineConnectivity(lying)
        places = lying.GetSubstructMatch(_skeleton(meant))
    if len(places) != atoms.GetNumAtoms() or lying.GetNumBonds() != meant.GetNumBonds():
        return None
    Chem.Kekulize(meant, clearAromaticFlags=True)
    for atom, place in zip(meant.GetAtoms(), places, strict=True):
        atoms.GetAtomWithIdx(place).SetFormalCharge(atom.GetFormalCharge())
        atoms.GetAtomWithIdx(place).SetIsotope(atom.GetIsotope())
    for bond in meant.GetBonds():
        first, second = places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()]
        atoms.AddBond(first, second, bond.GetBondType())
    return atoms


def _skeleton(molecule: Any) -> Any:
    """Elements and which are bonded, to be looked for."""
    from rdkit import Chem

    plain = Chem.RWMol()
    for atom in molecule.GetAtoms():
        plain.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    for bond in molecule.GetBonds():
        plain.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    return plain.GetMol()


def _write_ase(molecules: Iterator[Exported], path: Path, store: Store) -> None:
    """What ASE itself calls energy and forces is in eV and Å; other labels are in the dataset's units."""
    try:
        from ase import Atoms
        from ase.calculators.singlepoint import SinglePointCalculator
        from ase.db import connect
    except ImportError:
        raise UserError("a database of ASE needs ASE: pip install 'molbench[generate]'") from None

    energy, forces = store.dataset.targets.get("energy"), store.dataset.forces
    known = energy is not None and same_dimension(energy.unit, "eV")
    to_energy = factor(energy.unit, "eV") if energy is not None and known else None
    to_forces = factor(forces.unit, "eV/Å") if forces is not None else 1.0
    path.unlink()  # ASE takes an empty file for a database of JSON
    with connect(str(path), type="db", use_lock_file=False) as database:
        for molecule in molecules:
            atoms = Atoms(numbers=molecule.numbers, positions=molecule.positions)
            labels, results = dict(molecule.labels), dict[str, Any]()
            if to_energy is not None and "energy" in labels:
                results["energy"] = labels.pop("energy") * to_energy
            if molecule.forces is not None:
                results["forces"] = molecule.forces.astype(np.float64) * to_forces
            if results:
                atoms.calc = SinglePointCalculator(atoms, **results)
            keys = {f"{name}_text" if name == "id" else name: text for name, text in molecule.texts.items()}
            database.write(atoms, key_value_pairs={}, data={**keys, **labels, **molecule.state})


WRITERS: dict[str, Callable[[Iterator[Exported], Path, Store], None]] = {
    ".extxyz": _write_extxyz,
    ".xyz": _write_extxyz,
    ".sdf": _write_sdf,
    ".db": _write_ase,
}
"""By the end of a file's name."""
