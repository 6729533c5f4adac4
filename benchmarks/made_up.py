"""Any number of molecules of any size in QM9's raw files, with a declaration to build them by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from rdkit import Chem
from rdkit.Geometry import Point3D

PARTS = ("C", "N", "O", "C(C)", "C(=O)", "C(F)", "C(O)", "C1CC1")
PROPERTIES = "A B C mu alpha homo lumo gap r2 zpve u0 u298 h298 g298 cv".split()  # noqa: SIM905
DATASET = {
    "name": "made-up",
    "version": "1.0.0",
    "title": "Made up",
    "summary": "Made-up molecules in QM9's layout.",
    "record": "molecule",
    "licence": "CC0-1.0",
    "citation": ["None."],
    "parser": "qm9-sdf",
    "max_failures": 0,
    "identity": "inchikey",
    "sources": {
        "structures": {"filename": "gdb9.sdf"},
        "labels": {"filename": "gdb9.sdf.csv"},
        "uncharacterized": {"filename": "uncharacterized.txt"},
    },
    "targets": {name: {"unit": "1", "description": "Made up"} for name in PROPERTIES},
}
SCHEMES = {
    name: {
        "generator": generator,
        "parameters": {"seed": 0, "fractions": [0.8, 0.1, 0.1]},
        "description": f"By {generator}.",
    }
    for name, generator in (("random", "ratio"), ("scaffold", "scaffold"))
}


def write_qm9(folder: Path, count: int, parts: int = 6) -> Path:
    """Write ``raw/`` and ``declared/`` into a folder.

    Args:
        folder: An empty folder.
        count: Molecules, at most 8 to the power of ``parts``.
        parts: Parts that the chain of each has.

    Returns:
        The folder of raw files.
    """
    raw, declared = folder / "raw", folder / "declared"
    raw.mkdir()
    declared.mkdir()
    for name, content in (("dataset", DATASET), ("splits", {"schemes": SCHEMES}), ("tasks", {"tasks": {}})):
        (declared / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (raw / "uncharacterized.txt").write_text("    1000000  C  C  C  1.0\n")
    labels = np.random.default_rng(0).normal(size=(count, len(PROPERTIES))).round(4).tolist()
    with (raw / "gdb9.sdf").open("w") as structures, (raw / "gdb9.sdf.csv").open("w") as table:
        table.write(",".join(["mol_id", *PROPERTIES]) + "\n")
        for number in range(count):
            structures.write(molblock(number, parts) + "$$$$\n")
            table.write(",".join(map(str, [f"gdb_{number + 1}", *labels[number]])) + "\n")
    return raw


def molblock(number: int, parts: int) -> str:
    """Atoms on a helix, far enough apart; no structure of a molecule, but as much text."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles(number, parts)))
    molecule.SetProp("_Name", f"gdb_{number + 1}")
    conformer = Chem.Conformer(molecule.GetNumAtoms())
    for atom in range(molecule.GetNumAtoms()):
        conformer.SetAtomPosition(atom, Point3D(2 * np.cos(atom), 2 * np.sin(atom), 0.3 * atom))
    molecule.AddConformer(conformer)
    return str(Chem.MolToMolBlock(molecule))


def smiles(number: int, parts: int) -> str:
    """The molecule of a number, whose digits, well mixed, are the parts of a chain."""
    code, chain = number * 1_000_003 % len(PARTS) ** parts, ""
    for _ in range(parts):
        code, part = divmod(code, len(PARTS))
        chain += PARTS[part]
    return f"C{chain}C"
