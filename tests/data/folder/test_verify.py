"""Verification finds every kind of damage and names the file."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.data.build.builder import build
from molbench.data.build.describe import refresh_card
from molbench.data.folder.manifest import Manifest, file_entries
from molbench.data.folder.verify import verify_dataset
from molbench.errors import UserError


@pytest.fixture
def folder(declare, molecules, raw):
    return build(declare(molecules(200)), raw=raw)


@pytest.fixture
def cell(folder):
    return max((folder / "cells").iterdir(), key=lambda path: path.stat().st_size)


def reseal(folder):
    """Make the checksums true again, as somebody who changes data on purpose would."""
    manifest = Manifest.read(folder)
    manifest.model_copy(update={"files": file_entries(folder)}).write(folder)


def rewrite(path, change):
    pq.write_table(change(pq.read_table(path)), path)


def test_undamaged(folder):
    assert verify_dataset(folder) == Manifest.read(folder)


@pytest.mark.parametrize("position", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_flipped_bit(folder, cell, position):
    content = bytearray(cell.read_bytes())
    content[int(position * len(content))] ^= 16
    cell.write_bytes(content)
    with pytest.raises(UserError, match=rf"cells/{cell.name}: SHA-256"):
        verify_dataset(folder)


@pytest.mark.parametrize("name", ["README.md", "splits/random.parquet", "tasks.yaml"])
def test_truncated_and_missing_files_are_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    with pytest.raises(UserError, match=f"{name}: .* bytes instead of"):
        verify_dataset(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name}: missing"):
        verify_dataset(folder)


def test_foreign_cell(folder, cell):
    shutil.copy(cell, cell.with_name("a0b0-copy.parquet"))
    with pytest.raises(UserError, match=r"a0b0-copy\.parquet: does not belong"):
        verify_dataset(folder)


def test_no_or_damaged_manifest(folder):
    (folder / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: damaged"):
        verify_dataset(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="not a built dataset"):
        verify_dataset(folder)


def test_a_part_that_calls_itself_complete(declare, molecules, raw):
    folder = build(declare(molecules(40), records=200), raw=raw, allow_partial=True)
    assert verify_dataset(folder).dataset_id == "toy-partial"
    text = json.loads((folder / "manifest.json").read_text())
    text |= {"dataset_id": "toy", "partial": False}
    (folder / "manifest.json").write_text(json.dumps(text))
    with pytest.raises(UserError, match="a split scheme lacks records, and the dataset is not partial"):
        verify_dataset(folder)
    text["count"] = "complete"
    for scheme in text["schemes"].values():
        scheme["complete"] = True
    (folder / "manifest.json").write_text(json.dumps(text))
    with pytest.raises(UserError, match=r"manifest\.json: random is not complete: 40 of 200 records are"):
        verify_dataset(folder)


class TestConsistentChecksumsOverWrongContent:
    def test_changed_value(self, folder, cell):
        rewrite(cell, lambda t: t.set_column(5, "energy", [pa.array([1.0] * len(t))]))
        reseal(folder)
        with pytest.raises(UserError, match="content digest"):
            verify_dataset(folder)

    def test_lost_record(self, folder, cell):
        rewrite(cell, lambda t: t.slice(1))
        reseal(folder)
        with pytest.raises(UserError, match="199 records, the manifest counts 200"):
            verify_dataset(folder)

    def test_repeated_record(self, folder, cell):
        rewrite(cell, lambda t: pa.concat_tables([t.slice(1), t.slice(1, 1)]))
        reseal(folder)
        with pytest.raises(UserError, match="an id stands twice"):
            verify_dataset(folder)

    def test_other_columns(self, folder, cell):
        rewrite(cell, lambda t: t.drop_columns(["energy"]))
        reseal(folder)
        with pytest.raises(UserError, match="columns differ"):
            verify_dataset(folder)

    def test_record_in_the_wrong_cell(self, folder):
        train, test = folder / "cells" / "a0b0.parquet", folder / "cells" / "a2b0.parquet"
        moved = pq.read_table(test)
        rewrite(train, lambda t: pa.concat_tables([t, moved]))
        test.unlink()
        reseal(folder)
        with pytest.raises(UserError, match=r"a0b0\.parquet: record m-\d+ lies in the wrong cell"):
            verify_dataset(folder)

    def test_changed_split(self, folder):
        path = folder / "splits" / "random.parquet"
        rewrite(path, lambda t: t.set_column(1, "split", [t.column("split").to_pylist()[::-1]]))
        reseal(folder)
        with pytest.raises(UserError, match=r"splits/random\.parquet: digest is not that"):
            verify_dataset(folder)


def test_card_is_made_anew_from_edited_declarations(folder):
    text = (folder / "dataset.yaml").read_text()
    (folder / "dataset.yaml").write_text(text.replace("Noise.", "Pure noise."))
    with pytest.raises(UserError, match=r"dataset\.yaml"):
        verify_dataset(folder)
    refresh_card(folder)
    assert "Pure noise." in (folder / "README.md").read_text()
    verify_dataset(folder)


def test_card_refuses_other_declarations(folder):
    text = (folder / "dataset.yaml").read_text()
    (folder / "dataset.yaml").write_text(text.replace("name: toy", "name: other"))
    with pytest.raises(UserError, match="is of 'other', the records are of 'toy'"):
        refresh_card(folder)


def test_manifest_is_plain_json(folder):
    facts = json.loads((folder / "manifest.json").read_text())
    assert {"name", "dataset_id", "version", "partial", "records", "digest", "files", "schemes"} <= set(facts)
