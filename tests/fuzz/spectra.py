"""A small valid input of every layout of QM9S."""

import io
import zipfile
from typing import Any

import torch
from torch_geometric.data import InMemoryDataset

from molbench.data.build.parsers.qm9s import GRIDS
from tests.data.build.parsers.qm9s_files import broadened, molecule, table, zipped
from tests.data.build.parsers.test_qm9s_pt import detanet, molspectra
from tests.fuzz.mutation import Files, Sample


def samples() -> list[Sample]:
    """One sample for each parser, layout and container."""
    tables = {f"{i:06d}.csv": table(molecule(i)).encode() for i in (1, 2, 3)}
    spectra = {f"{name}_boraden.csv": broadened(name, (1, 2, 3)).encode() for name in GRIDS}
    collated = InMemoryDataset.collate([molspectra(i) for i in (1, 2, 3)])
    return [
        Sample("qm9s-csv", tables, outer=_in_zip),
        Sample("qm9s-broadened", tables | spectra, outer=_in_zip),
        Sample("qm9s-pt", _members(_saved([detanet(1), detanet(2)])), {"layout": "detanet"}, _in_pt),
        Sample("qm9s-pt", {"qm9s.pt": _saved([detanet(1)], False)}, {"layout": "detanet"}),
        Sample("qm9s-pt", _members(_saved(collated)), {"layout": "molspectra"}, _in_pt),
        Sample("qm9s-pt", {"processed.pt": _saved(collated, False)}, {"layout": "molspectra"}),
    ]


def _in_zip(files: Files) -> Files:
    inside = {name: content for name, content in files.items() if not name.endswith("boraden.csv")}
    outside = {name: content for name, content in files.items() if name.endswith("boraden.csv")}
    return {"qm9s_csv.zip": zipped(inside), **outside}


def _members(content: bytes) -> Files:
    """Files of the zip archive that PyTorch writes: pickle, tensors and two small ones."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _in_pt(files: Files) -> Files:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"molecules.pt": buffer.getvalue()}


def _saved(content: Any, new_format: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=new_format)
    return buffer.getvalue()
