"""Damaged files of QM9S give records, counted failures or a UserError, and never anything else.

``MOLBENCH_FUZZ_ROUNDS=10000`` makes it the long run that has been done once; a few rounds by default.
"""

import io
import os
import random
import zipfile

import pytest
import torch
from torch_geometric.data import InMemoryDataset

from molbench.data.build.parsers.qm9s import GRIDS
from tests.data.build.parsers.qm9s_files import broadened, molecule, table, zipped
from tests.data.build.parsers.test_qm9s_pt import detanet, molspectra

ROUNDS = int(os.environ.get("MOLBENCH_FUZZ_ROUNDS", "40"))


def samples(fuzz):
    """A small valid input of every layout."""
    tables = {f"{i:06d}.csv": table(molecule(i)).encode() for i in (1, 2, 3)}
    spectra = {f"{name}_boraden.csv": broadened(name, (1, 2, 3)).encode() for name in GRIDS}
    collated = InMemoryDataset.collate([molspectra(i) for i in (1, 2, 3)])
    return [
        fuzz.Sample("qm9s-csv", tables, outer=_in_zip),
        fuzz.Sample("qm9s-broadened", tables | spectra, outer=_in_zip),
        fuzz.Sample("qm9s-pt", _members(_saved([detanet(1), detanet(2)])), {"layout": "detanet"}, _in_pt),
        fuzz.Sample("qm9s-pt", {"qm9s.pt": _saved([detanet(1)], False)}, {"layout": "detanet"}),
        fuzz.Sample("qm9s-pt", _members(_saved(collated)), {"layout": "molspectra"}, _in_pt),
        fuzz.Sample("qm9s-pt", {"processed.pt": _saved(collated, False)}, {"layout": "molspectra"}),
    ]


@pytest.mark.parametrize("number", range(6))
def test_nothing_else_escapes(fuzz, tmp_path, number: int) -> None:
    sample = samples(fuzz)[number]
    rng = random.Random(number)
    whole = fuzz.run(sample, sample.outer(sample.files), tmp_path)
    assert not whole.error and not whole.refused and whole.records > 0 and whole.failures == 0, whole
    refused = failed = 0
    for _ in range(ROUNDS):
        outcome = fuzz.run(sample, fuzz.mutated(sample, rng), tmp_path)
        assert not outcome.error, outcome.error
        refused += outcome.refused
        failed += outcome.failures > 0
    assert refused + failed > 3  # many bytes are those of quantities that a bit less or more does not spoil


def _in_zip(files):
    inside = {name: content for name, content in files.items() if not name.endswith("boraden.csv")}
    outside = {name: content for name, content in files.items() if name.endswith("boraden.csv")}
    return {"qm9s_csv.zip": zipped(inside), **outside}


def _members(content):
    """Files of the zip archive that PyTorch writes: pickle, tensors and two small ones."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _in_pt(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"molecules.pt": buffer.getvalue()}


def _saved(content, new_format=True):
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=new_format)
    return buffer.getvalue()
