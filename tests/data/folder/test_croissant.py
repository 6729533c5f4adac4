"""The Croissant description tells the files, their checksums, and columns that are there."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import pyarrow.parquet as pq
import pytest

from molbench.data.folder.manifest import Manifest
from molbench.paths import catalogue_root

EMBEDDED = sorted(path.parent for path in (catalogue_root() / "datasets").glob("*/manifest.json"))


@pytest.mark.parametrize("folder", EMBEDDED, ids=lambda folder: folder.name)
def test_every_file_is_told_with_its_checksum_and_every_field_is_a_column(folder: Path) -> None:
    described = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    manifest = Manifest.read(folder)
    objects = {item["@id"]: item for item in described["distribution"] if item["@type"] == "cr:FileObject"}
    assert set(objects) == {name for name in manifest.files if name.endswith(".parquet")}
    assert all(item["sha256"] == manifest.files[name].sha256 for name, item in objects.items())
    sets = {
        item["@id"]: item["includes"] for item in described["distribution"] if item["@type"] == "cr:FileSet"
    }
    assert described["name"] == manifest.dataset_id and described["license"]
    for record_set in described["recordSet"]:
        source = record_set["field"][0]["source"]
        files = [source["fileObject"]["@id"]] if "fileObject" in source else sets[source["fileSet"]["@id"]]
        path = folder / files[0] if isinstance(files, list) else next(iter(sorted(folder.glob(files))))
        columns = pq.read_schema(path).names
        assert [field["source"]["extract"]["column"] for field in record_set["field"]] == columns


@pytest.mark.slow
@pytest.mark.parametrize("folder", EMBEDDED, ids=lambda folder: folder.name)
def test_the_reference_reader_finds_no_error(folder: Path) -> None:
    assert not mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).metadata.ctx.issues.errors


@pytest.mark.slow
def test_the_reference_reader_reads_every_record() -> None:
    folder = catalogue_root() / "datasets" / "xtb-molecules"
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert sum(1 for _ in dataset.records("records")) == Manifest.read(folder).records
