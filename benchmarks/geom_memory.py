"""Peak memory and throughput of building a GEOM-like archive of many conformers.

``python -m benchmarks.geom_memory --conformers 200000`` makes the archive in a folder that is thrown away and
builds it decompressed, with one process and with two, and compressed, which only one process can read.
"""

import argparse
import io
import json
import os
import pickle
import random
import resource
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem

from benchmarks.record import Cell, Measured, options_of, report

CHILD = """
import json, sys
from pathlib import Path
from molbench.data.build.builder import build
from molbench.data.folder.manifest import Manifest
from molbench.spec.catalogue import DatasetEntry
declared, raw, output, processes = sys.argv[1:]
folder = build(DatasetEntry("geom-drugs", Path(declared)), output=Path(output), raw=Path(raw), offline=True,
               allow_partial=True, num_proc=int(processes))
print(json.dumps({"records": Manifest.read(folder).records}))
"""
FRAGMENTS = ("C", "CC", "CO", "c1ccccc1", "C(=O)N", "C(F)(F)F", "OC", "c1ccncc1", "S(=O)(=O)N", "C1CCNCC1")
DECLARATION = {
    "name": "geom-drugs",
    "version": "1.0.0",
    "title": "GEOM-like",
    "summary": "Made up.",
    "record": "molecule",
    "licence": "CC0-1.0",
    "citation": ["None."],
    "parser": "geom-rdkit",
    "options": {"molecules": "drugs"},
    "max_failures": 0,
    "identity": "group",
    "sources": {"conformers": {"filename": "rdkit_folder.tar", "aliases": ["rdkit_folder.tar.gz"]}},
    "targets": {"energy": {"unit": "Hartree", "description": "Made up"}},
}
SCHEMES = {
    "random": {
        "generator": "group",
        "parameters": {"seed": 0, "fractions": [0.8, 0.1, 0.1]},
        "description": "By molecule.",
    }
}


def make(folder: Path, conformers: int, each: int) -> None:
    """Write the archive: molecules of about 45 atoms, ``each`` conformers of every one."""
    rng = random.Random(0)  # noqa: S311 - repeatable, not secret
    summary: dict[str, dict[str, object]] = {}
    with tarfile.open(folder / "rdkit_folder.tar", "w") as archive:
        while len(summary) * each < conformers:
            text = "C" + "".join(rng.choice(FRAGMENTS) for _ in range(6))
            molecule = Chem.MolFromSmiles(text)
            smiles = Chem.MolToSmiles(molecule) if molecule else None
            if smiles is None or smiles in summary:
                continue
            molecule = Chem.AddHs(molecule)
            if AllChem.EmbedMolecule(molecule, randomSeed=1, maxAttempts=2):
                continue
            name = f"drugs/{smiles.replace('/', '_')}.pickle"
            summary[smiles] = {"uniqueconfs": each, "charge": 0, "pickle_path": name}
            entry = {
                "uniqueconfs": each,
                "charge": 0,
                "ensembleenergy": 0.5,
                "conformers": [
                    {
                        "totalenergy": -70.0 - i,
                        "relativeenergy": 0.1 * i,
                        "boltzmannweight": 1 / each,
                        "conformerweights": [1 / each] * 2,
                        "rd_mol": molecule,
                    }
                    for i in range(each)
                ],
            }
            # As in GEOM, no two conformers share their molecule: every one is pickled by itself.
            molecules = [Chem.Mol(molecule) for _ in range(each)]
            for conformer, own in zip(entry["conformers"], molecules, strict=True):
                conformer["rd_mol"] = own
            _add(archive, f"rdkit_folder/{name}", pickle.dumps(entry))
        _add(archive, "rdkit_folder/summary_drugs.json", json.dumps(summary).encode())


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def measure(declared: Path, raw: Path, processes: int) -> Measured:
    """Build once in a fresh process and watch the resident memory of each process of it."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {"MOLBENCH_HOME": folder, "HF_HOME": folder}
        arguments = [str(declared), str(raw), f"{folder}/built", str(processes)]
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], env=environment, stdout=subprocess.PIPE, text=True
        )
        peaks: dict[str, float] = {"largest process": 0.0, "all together": 0.0}
        watcher = threading.Thread(target=_watch, args=(child, peaks), daemon=True)
        watcher.start()
        output = child.communicate()[0]
        seconds = time.perf_counter() - start
        watcher.join()
    if child.returncode:
        raise SystemExit(f"the build failed with status {child.returncode}")
    records = json.loads(output.splitlines()[-1])["records"]
    cells: dict[str, Cell] = {"conformers": records, "records/s": records / seconds}
    cells |= {f"peak MB, {name}": value for name, value in peaks.items()}
    return Measured(f"`{next(raw.iterdir()).name}`, {processes} process{'es' * (processes > 1)}", cells)


def _watch(child: "subprocess.Popen[str]", peaks: dict[str, float]) -> None:
    """Sample the resident memory of a process and its descendants five times a second (Linux)."""
    while child.poll() is None:
        sizes = [_resident(pid) for pid in _family(child.pid)]
        peaks["largest process"] = max([peaks["largest process"], *sizes])
        peaks["all together"] = max(peaks["all together"], sum(sizes))
        time.sleep(0.2)


def _family(root: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def _resident(pid: int) -> float:
    """MB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Make the archive and print one row a build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conformers", type=int, default=200_000)
    parser.add_argument("--each", type=int, default=100, help="conformers of a molecule")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = options_of(parser, toy={"conformers": 40, "each": 1, "processes": [1]})
    RDLogger.DisableLog("rdApp.*")  # some of the molecules that are tried are none
    with TemporaryDirectory() as name:
        raw, packed, declared = (Path(name) / part for part in ("raw", "packed", "declared"))
        for folder in (raw, packed, declared):
            folder.mkdir()
        (declared / "dataset.yaml").write_text(yaml.safe_dump(DECLARATION, sort_keys=False))
        (declared / "splits.yaml").write_text(yaml.safe_dump({"schemes": SCHEMES}, sort_keys=False))
        (declared / "tasks.yaml").write_text("tasks: {}\n")
        make(raw, arguments.conformers, arguments.each)
        size = (raw / "rdkit_folder.tar").stat().st_size
        rows = [measure(declared, raw, count) for count in arguments.processes]
        subprocess.run(["gzip", "-1", "-k", str(raw / "rdkit_folder.tar")], check=True)
        (raw / "rdkit_folder.tar.gz").rename(packed / "rdkit_folder.tar.gz")
        rows.append(measure(declared, packed, 1))
    report(arguments, rows, archive_MB=size / 2**20)


if __name__ == "__main__":
    main()
