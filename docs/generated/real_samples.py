"""Builds for ``docs/datasets.md`` from real records that come in other containers than the declared ones.

``python docs/generated/real_samples.py FOLDER``, FOLDER being what ``MOLBENCH_REAL_DATA`` names, builds those
that are not there yet below ``$MOLBENCH_HOME/datasets``, by the catalogue's declaration with the differences
that SAMPLES names. GEOM needs none: ``molbench data build geom-drugs --raw FOLDER/geom --offline
--allow-partial``.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from molbench.data.build.builder import build
from molbench.paths import home
from molbench.spec.catalogue import Catalogue, DatasetEntry

Changes = dict[str, Any]

_PRETRAIN = {"generator": "everything", "description": "All complexes, to pretrain on."}
SAMPLES: dict[str, tuple[dict[str, str], Changes, Changes]] = {
    "molecule3d": (
        {"combined_mols_0_to_2000.sdf": "molecule3d/sdf_export/molecule3d_chon20_train.sdf"},
        {
            "summary": (
                "2,000 ground-state geometries out of the training split of Molecule3D, from an export of"
                " molecules of 20 atoms of C, N and O that has lost the hydrogens and has no properties: "
                "the sizes are that selection's, there is no label but `missing_hydrogens`, the hydrogens"
                " that a structure has no coordinates for, no task can be scored, and the published "
                "splits, which count through all 3,899,647 molecules, do not apply."
            ),
            "options": {"properties": False},
            "sources": {"block-0": {"filename": "combined_mols_0_to_2000.sdf"}},
            "targets": ["missing_hydrogens"],
        },
        {},
    ),
    "lba-pdbbind": (
        {"pdbbind": "lba"},
        {
            "summary": (
                "Three complexes of PDBbind, two of them peptides, as pocket files and ligands in its own"
                " layout. They are test files of another project, without PDBbind's index of affinities: "
                "nothing here has a label, and three records cannot be split. A fourth complex has no "
                "pocket file."
            ),
            "options": {"index": False},
            "sources": {
                "structures": {
                    "filename": "pdbbind_v2019_refined.tar.gz",
                    "members": ["*_pocket.pdb", "*_protein.pdb", "*_ligand.sdf", "*_ligand.mol2"],
                }
            },
            "targets": [],
        },
        {"pretrain": _PRETRAIN},
    ),
}
"""Dataset to raw file and its place, changes of ``dataset.yaml``, and split schemes that are added."""


def declaration(name: str, folder: Path) -> DatasetEntry:
    """The changed declaration, written to a folder; targets are those named, and tasks there are none."""
    _, changes, schemes = SAMPLES[name]
    original = Catalogue.load().dataset(name).folder
    shutil.copytree(original, folder)
    dataset = yaml.safe_load((original / "dataset.yaml").read_text())
    targets = {target: dataset["targets"][target] for target in changes["targets"]}
    splits = yaml.safe_load((original / "splits.yaml").read_text())
    contents = {
        "dataset.yaml": {**dataset, **changes, "targets": targets},
        "splits.yaml": {"schemes": {**splits["schemes"], **schemes}},
        "tasks.yaml": {"tasks": {}},
    }
    for file, content in contents.items():
        (folder / file).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return DatasetEntry(name, folder)


def main() -> None:
    """Build what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of real files, as MOLBENCH_REAL_DATA names it")
    real = parser.parse_args().folder.resolve()
    for name, (places, _, _) in SAMPLES.items():
        built = home() / "datasets" / f"{name}-partial"
        if built.exists():
            print(f"{built}: there already")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            raw = Path(scratch) / "raw"
            raw.mkdir()
            for link, place in places.items():
                (raw / link).symlink_to(real / place)
            entry = declaration(name, Path(scratch) / "declared")
            print(build(entry, raw=raw, offline=True, allow_partial=True))


if __name__ == "__main__":
    main()
