"""Builds from small files in the layout of the published ones, and what stock ``datasets`` reads of them."""

import shutil
from pathlib import Path

import datasets
import yaml

from molbench.spec.catalogue import Catalogue, DatasetEntry


def published(name: str, folder: Path, **changes: object) -> DatasetEntry:
    """The catalogue's declaration without the sizes and checksums of the real files."""
    entry = Catalogue.load().dataset(name)
    shutil.copytree(entry.folder, folder)
    declared = yaml.safe_load((folder / "dataset.yaml").read_text()) | changes
    for source in declared["sources"].values():
        for key in ("urls", "size", "md5", "sha256"):
            source.pop(key, None)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    return DatasetEntry(name, folder)


def loaded(folder: Path, scheme: str, split: str) -> list[str]:
    """Ids that stock ``datasets`` reads, the same plain and streaming."""
    plain = datasets.load_dataset(str(folder), scheme, split=split)
    assert sorted(
        row["id"] for row in datasets.load_dataset(str(folder), scheme, split=split, streaming=True)
    ) == sorted(plain["id"])
    return sorted(plain["id"])
