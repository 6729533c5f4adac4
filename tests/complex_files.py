"""Made-up complexes in the layouts that ATOM3D and PDBbind use."""

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import yaml

from molbench.spec.catalogue import Catalogue, DatasetEntry

COLUMNS = (
    *("ensemble", "subunit", "structure", "model", "chain", "hetero", "insertion_code", "residue", "segid"),
    *("resname", "altloc", "occupancy", "bfactor", "x", "y", "z", "element", "name", "fullname"),
    "serial_number",
)
ELEMENTS = ("N", "C", "C", "O", "H")
#: A molecule as PDBbind has it.
MOL2 = """# made up
@<TRIPOS>MOLECULE
carbon dioxide
3 2 1 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
  1 O1  -1.2 0.0 0.1 O.2 1 LIG 0.0
  2 C1   0.0 0.0 0.0 C.1 1 LIG 0.0
  3 O2   1.2 0.0 0.0 O.2 1 LIG 0.0
@<TRIPOS>BOND
  1 1 2 2
  2 2 3 2
"""


def frame(atoms: list[dict[str, Any]], columns: tuple[str, ...] = COLUMNS) -> dict[str, Any]:
    """A table as ATOM3D writes it, of rows that name only what matters."""
    default = dict.fromkeys(COLUMNS, "") | {"insertion_code": " ", "chain": "A", "model": 1}
    rows = [[(default | atom)[name] for name in columns] for atom in atoms]
    return {"columns": list(columns), "index": list(range(len(rows))), "data": rows}


def protein(residues: int, seed: int, *, water: bool = False) -> list[dict[str, Any]]:
    """Rows of residues on a line, 3 Å apart, five atoms each."""
    rng = np.random.default_rng(seed)
    rows = []
    for residue in range(residues):
        for element, offset in zip(ELEMENTS, rng.uniform(-1, 1, (5, 3)), strict=True):
            x, y, z = np.round(offset + np.array([3.0 * residue, 0, 0]), 3).tolist()
            rows.append(
                {"x": x, "y": y, "z": z, "element": element, "resname": "GLY", "residue": residue + 1}
            )
    if water:
        place = {"x": 0.0, "y": 2.5, "z": 0.0, "element": "O", "resname": "HOH", "residue": 900}
        rows.append(place)
    return rows


def ligand(seed: int) -> list[dict[str, Any]]:
    """Rows of a small ligand two Å off the line."""
    rng = np.random.default_rng(1000 + seed)
    return [
        {"x": x, "y": 3.0, "z": round(float(rng.uniform(-1, 1)), 3), "element": element, "resname": "LIG"}
        | {"residue": 1, "chain": "L"}
        for x, element in zip((0.0, 1.2, 2.4, 3.0), ("C", "Cl", "O", "H"), strict=True)
    ]


def lba_record(i: int, **changes: Any) -> dict[str, Any]:
    """One record of LBA; its pocket is the first residues of its protein."""
    whole = protein(12, i, water=True)
    record = {
        "atoms_protein": frame(whole),
        "atoms_pocket": frame(whole[:20]),
        "atoms_ligand": frame(ligand(i)),
        "bonds": {"columns": ["atom1", "atom2", "type"], "index": [0], "data": [[0, 1, 1.0]]},
        "id": f"1x{i:02d}",
        "seq": [["A", "GG" + "AVLK"[i % 4]], ["B", "MK"]],
        "smiles": "OCCl",
        "scores": {"neglog_aff": 4.0 + i / 8},
        "types": {"atoms_protein": "<class 'pandas.core.frame.DataFrame'>"},
    }
    return record | changes


def lep_record(i: int, **changes: Any) -> dict[str, Any]:
    """One record of LEP; four of them share a protein."""
    record = {
        "atoms_active": frame(protein(8, i) + ligand(i)),
        "atoms_inactive": frame(protein(7, i + 1) + ligand(i)),
        "id": f"Lig{i}__1A{i:02d}__1I{i:02d}",
        "protein": f"P{i // 4}",
        "ligand": f"Lig{i}",
        "active_struc": f"Lig{i}_to_1A{i:02d}",
        "inactive_struc": f"Lig{i}_to_1I{i:02d}",
        "label": "AI"[i % 2],
        "SMILES": "OCCl",
        "types": {},
    }
    return record | changes


def write_database(
    folder: Path, records: list[Any], form: str = "json", extra: dict[bytes, bytes] | None = None
) -> Path:
    """An LMDB database as ATOM3D writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {str(i).encode(): gzip.compress(json.dumps(r).encode()) for i, r in enumerate(records)}
    ids = {str(record.get("id")): i for i, record in enumerate(records)}
    content |= {
        b"num_examples": str(len(records)).encode(),
        b"serialization_format": form.encode(),
        b"id_to_idx": json.dumps(ids).encode(),
    }
    return write_lmdb(folder, content | (extra or {}))


def write_lmdb(folder: Path, content: dict[bytes, bytes]) -> Path:
    """An LMDB database by the library itself."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = lmdb.open(str(folder), map_size=1 << 26, sync=False, metasync=False)
    with environment.begin(write=True) as transaction:
        for key, value in content.items():
            transaction.put(key, value)
    environment.close()
    return folder / "data.mdb"


def pdb_file(rows: list[dict[str, Any]]) -> str:
    """Rows as a PDB file."""
    lines = []
    for serial, row in enumerate(rows, start=1):
        kind = "HETATM" if row["resname"] in {"HOH", "LIG"} else "ATOM  "
        lines.append(
            f"{kind}{serial:5d}  {row['element'].upper():<3} {row['resname']:>3} {row.get('chain', 'A')}"
            f"{row['residue']:4d}    {row['x']:8.3f}{row['y']:8.3f}{row['z']:8.3f}  1.00  0.00"
            f"          {row['element'].upper():>2}"
        )
    return "\n".join([*lines, "END", ""])


def sd_file(rows: list[dict[str, Any]], counts: str = "  0  0  0") -> str:
    """Rows as an SD file of atoms in a chain, hydrogen-count fields as given."""
    atoms = "".join(
        f"{r['x']:10.4f}{r['y']:10.4f}{r['z']:10.4f} {r['element']:<3} 0  0{counts}\n" for r in rows
    )
    bonds = "".join(f"{i:3d}{i + 1:3d}  1  0  0\n" for i in range(1, len(rows)))
    counts_line = f"{len(rows):3d}{len(rows) - 1:3d}  0  0  0  0            999 V2000"
    return f"ligand\n made up\n\n{counts_line}\n{atoms}{bonds}M  END\n$$$$\n"


def shrunk(name: str, folder: Path, records: int | None) -> DatasetEntry:
    """The catalogue's own declaration, but for the number of records and the published digests."""
    source = Catalogue.load().dataset(name).folder
    (folder / name).mkdir(parents=True)
    for document in ("splits", "tasks"):
        (folder / name / f"{document}.yaml").write_text((source / f"{document}.yaml").read_text())
    dataset = yaml.safe_load((source / "dataset.yaml").read_text()) | {"records": records}
    for entry in dataset["sources"].values():
        entry.pop("md5", None)
    (folder / name / "dataset.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False))
    return DatasetEntry(name, folder / name)


def archive(path: Path, records: dict[str, list[dict]], top: str) -> None:
    """An archive in the published layout, ``<top>/data/{train,val,test}/data.mdb``."""
    with tarfile.open(path, "w:gz") as tar:
        for part, content in records.items():
            database = write_database(path.parent / f".{path.name}" / part, content)
            tar.add(database, f"{top}/data/{part}/data.mdb")
