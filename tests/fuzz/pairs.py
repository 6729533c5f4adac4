"""A small valid input of every parser of pairs, in each layout that it reads."""

import csv
import gzip
import io
from functools import partial
from pathlib import Path

import numpy as np
import openpyxl

from tests.fuzz.checks import check_pairs
from tests.fuzz.mutation import Files, Sample, write_files

SMILES = ("O", "CCO", "c1ccccc1", "CC(=O)O", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "CN(C)C=O", "F/C=C/F")


def samples() -> list[Sample]:
    """One sample for each parser and each layout that it reads."""
    chromophore = (
        b"\xef\xbb\xbfTag,Chromophore,Solvent,Absorption max (nm),Emission max (nm),Lifetime (ns),x\r\n"
    ) + b"".join(
        f'{i},{SMILES[i % 8]},{SMILES[i // 2]},{300 + i},NaN,0.{i + 1},"DOI:\u00a0{i}, p. 1"\r\n'.encode()
        for i in range(8)
    )
    separate = b"smiles_solvent,smiles_solute,dGsolv_avg [kcal/mol],Source_all\n" + b"".join(
        f"{SMILES[i]},{SMILES[7 - i]},-{i}.5,\"['Abraham Paper (A6)', 'CompSol']\"\n".encode()
        for i in range(8)
    )
    joined = b"ssid,dgsolv\n" + b"".join(f"{SMILES[i % 4]}.{SMILES[4]},-{i}.5\n".encode() for i in range(4))
    mnsol = b"No.\tSoluteName\tCharge\tDeltaGsolv\ttype\tSMILES1\tSMILES2\n" + b"".join(
        f"{i}\tx\t0\t-{i}.5\t{'rel' if i == 5 else 'abs'}\t{SMILES[i]}\tO\n".encode() for i in range(8)
    )
    freesolv = b"#version\n" + b"".join(
        f"mobley_{i}; {SMILES[i]}; name; -{i}.5; 0.6; -3.3; 0.03; doi; doi; note\n".encode() for i in range(8)
    )
    drugs = [f"DB{i}" for i in range(8)]
    known = [(0, 1), (1, 2), (3, 4), (4, 3), (5, 6)]
    miracle = {
        f"X_{split}.csv": b"drugbank_id_1,drugbank_id_2,smiles_2,smiles_1,label\n"
        + b"".join(f"DB{i},DB{j},{SMILES[j]},{SMILES[i]},1.0\n".encode() for i, j in known)
        for split in ("train", "test")
    }
    cells = np.zeros((8, 8), dtype=int)
    for i, j in known:
        cells[i, j] = cells[j, i] = 1
    matrix = (
        ",".join(["", *drugs])
        + "\n"
        + "".join(f"{name},{','.join(map(str, row))}\n" for name, row in zip(drugs, cells, strict=True))
    ).encode()
    structures = "".join(f"DB{i},DB{i},{SMILES[i]}\n" for i in range(8)).encode()
    sample = partial(Sample, check=check_pairs)
    by_key = partial(sample, write=_by_key)
    return [
        sample("deep4chem", {"table.csv": chromophore}, {"target": "lifetime"}),
        sample("combisolv", {"table.csv": separate}, {"source": "abraham"}),
        sample("combisolv", {"table.csv": joined}),
        sample("combisolv", {"table.csv": separate}, outer=_in_xlsx),
        sample("mnsol", {"table.txt": mnsol}),
        sample("freesolv", {"database.txt": freesolv}),
        sample("miracle-ddi", miracle, {"seed": 0}),
        by_key(
            "ddi-matrix", {"matrix": matrix, "drugs": b"cid,drugbank_id,smiles\n" + structures}, {"seed": 0}
        ),
        by_key(
            "ddi-tsv",
            {
                "pairs": "".join(f"DB{i}\tDB{j}\n" for i, j in known).encode(),
                "drugs": b"drugbank_id,x,smiles\n" + structures,
            },
            {"seed": 0},
        ),
        by_key(
            "ddi-tsv",
            {"pairs": "".join(f"{SMILES[i]},{SMILES[j]},1\r\n" for i, j in known).encode()},
            {"seed": 0},
            _in_gzip,
        ),
    ]


def _by_key(files: Files, folder: Path) -> dict[str, Path]:
    """Sources of these parsers are told apart by key, so the name on disk may end as it likes."""
    named = {name if "." in name else f"{name}.csv": content for name, content in files.items()}
    return {name.partition(".")[0]: path for name, path in write_files(named, folder).items()}


def _in_xlsx(files: Files) -> Files:
    (content,) = files.values()
    book = openpyxl.Workbook()
    sheet = book.active
    text = io.StringIO(content.decode("utf-8", "replace"), newline="")
    try:
        for row in csv.reader(text):
            sheet.append([openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    except csv.Error:
        sheet.append(["unreadable"])
    buffer = io.BytesIO()
    book.save(buffer)
    return {"table.xlsx": buffer.getvalue()}


def _in_gzip(files: Files) -> Files:
    return {f"{name}.csv.gz": gzip.compress(content, compresslevel=1) for name, content in files.items()}
