"""A small valid input of each parser of GEOM, Molecule3D and PCQM4Mv2."""

import io
import json
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgpack

from molbench.data.build.parsers.mol_process import MolProcess
from tests.data.build.parsers import test_geom_msgpack as crude
from tests.data.build.parsers import test_geom_rdkit as pickled
from tests.data.build.parsers import test_molecule3d as molecule3d
from tests.data.build.parsers import test_pcqm4mv2 as pcqm4mv2
from tests.fuzz.checks import check_molecules
from tests.fuzz.mutation import Files, Sample


class SharedProcess:
    """One process reads the pickled molecules of all mutations, where a build starts one a shard."""

    process = MolProcess()

    def __enter__(self) -> MolProcess:
        return self.process

    def __exit__(self, *_: object) -> None:
        """It is kept for the next."""


def samples() -> list[Sample]:
    """One sample for each parser and container."""
    sample = partial(Sample, check=partial(check_molecules, labels_may_be_null=True))
    blocks, features = (b"".join(map(msgpack.packb, maps)) for maps in (crude.BLOCKS, crude.FEATURES))
    both = {"qm9_crude.msgpack": blocks, "qm9_featurized.msgpack": features}
    rows = pcqm4mv2.table().replace("CCN,5.5", "CCN,").encode()  # embedding would only take time
    xyz = {f"{i}.xyz": pcqm4mv2.xyz(pcqm4mv2.SMILES[i]).encode() for i in range(3)}
    sdf = "".join(f"{block}$$$$\n" for block in molecule3d.of("O", "CCO", "C#N"))
    table = molecule3d.table(3).encode()
    return [
        sample("geom-msgpack", both, crude.OPTIONS | {"graph": "any"}),
        sample("geom-msgpack", {"qm9_crude.msgpack": blocks}, crude.BARE),
        sample("molecule3d-sdf", {"combined_mols_0_to_3.sdf": sdf.encode(), "properties.csv": table}),
        sample("molecule3d-parquet", {"train.parquet": _mirror()}),
        sample("pcqm4mv2-sdf", {"pcqm4m-v2-train.sdf": pcqm4mv2.sdf_text(), "data.csv": rows}),
        sample("pcqm4mv2-xyz", xyz | {"data.csv": rows}, outer=_in_zip),
        sample("geom-rdkit", _pickles(), pickled.OPTIONS, _in_tar("w:gz")),
        sample("geom-rdkit", _pickles(), pickled.OPTIONS, _in_tar("w")),
    ]


def _mirror() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        records = [molecule3d.mirrored(i, smiles) for i, smiles in enumerate(molecule3d.SMILES[:3])]
        return molecule3d.mirror(Path(folder) / "train.parquet", records).read_bytes()


def _pickles() -> Files:
    listing = {s: {"uniqueconfs": 1, "pickle_path": f"qm9/{s}.pickle"} for s in ("CCOC", "CCl")}
    chloromethane = pickled.molecule([pickled.conformer("CCl", 5, 1.0)])
    entries = {"CCOC": pickled.ETHER["CCOC"], "CCl": chloromethane}
    files = {f"qm9/{s}.pickle": pickle.dumps(entry) for s, entry in entries.items()}
    return files | {"summary_qm9.json": json.dumps(listing).encode()}


def _in_tar(mode: str) -> Callable[[Files], Files]:
    def pack(files: Files) -> Files:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
            for name, data in files.items():
                member = tarfile.TarInfo("rdkit_folder/" + name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return {"rdkit_folder.tar.gz" if mode == "w:gz" else "rdkit_folder.tar": buffer.getvalue()}

    return pack


def _in_zip(files: Files) -> Files:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            if name.endswith(".xyz"):
                archive.writestr(f"pcqm4m-v2_xyz/0_9/{name}", data)
    return {"pcqm4m-v2_xyz.zip": buffer.getvalue(), "data.csv": files["data.csv"]}
