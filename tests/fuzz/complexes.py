"""A small valid input of every parser of complexes, with each pocket rule."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path

from tests.complex_files import MOL2, lba_record, lep_record, ligand, pdb_file, protein, sd_file, write_lmdb
from tests.fuzz.mutation import Files, Sample


def samples() -> list[Sample]:
    """One sample for each parser and pocket rule."""
    lba = {str(i): json.dumps(lba_record(i)).encode() for i in range(2)}
    lep = {str(i): json.dumps(lep_record(i)).encode() for i in range(2)}
    return [
        Sample("atom3d-lba", lba, outer=_in_lmdb),
        Sample("atom3d-lba", lba, {"pocket": "geossl"}, _in_lmdb),
        Sample("atom3d-lep", lep, {"pocket": "geossl"}, _in_lmdb),
        Sample("pdbbind", _pdbbind()),
        Sample("pdbbind", _pdbbind(), {"pocket": "geossl"}),
        Sample("lep-pdb", _lep_pdb(), {"pocket": "geossl"}),
    ]


def _in_lmdb(files: Files) -> Files:
    content = {name.encode(): gzip.compress(raw, 1) for name, raw in files.items()}
    content |= {
        b"num_examples": str(len(files)).encode(),
        b"serialization_format": b"json",
        b"id_to_idx": b"{}",
    }
    with tempfile.TemporaryDirectory() as folder:
        return {"data.mdb": write_lmdb(Path(folder), content).read_bytes()}


def _pdbbind() -> Files:
    files = {
        "INDEX_refined_data.2019": b"# head\n1abc 2.0 2007 2.00 Kd=10mM // 1abc.pdf (LIG)\n"
        b"2abc 2.0 2007 6.00 Ki~1uM // 2abc.pdf (LIG)\n"
    }
    for i, code in enumerate(("1abc", "2abc")):
        files[f"{code}_protein.pdb"] = pdb_file(protein(6, i, water=True)).encode()
        files[f"{code}_pocket.pdb"] = pdb_file(protein(3, i)).encode()
        files[f"{code}_ligand.sdf"] = sd_file(ligand(i), "  0  3  0  4").encode()
    return files | {"2abc_ligand.mol2": MOL2.encode()}


def _lep_pdb() -> Files:
    names = ("ligand", "protein", "active_struc", "inactive_struc", "label", "SMILES")
    table, files = io.StringIO(), {}
    writer = csv.DictWriter(table, names, extrasaction="ignore")
    writer.writeheader()
    for i in range(2):
        record = lep_record(i)
        writer.writerow(record)
        for name, residues in (("active_struc", 4), ("inactive_struc", 3)):
            files[f"{record[name]}.pdb"] = pdb_file(protein(residues, i) + ligand(i)).encode()
    return files | {"info.csv": table.getvalue().encode()}
