"""``molbench.load_dataset``: finds, checks, and returns what the library itself would."""

import datasets
import pytest

from molbench.data import load_dataset, locate
from molbench.data.build import load
from molbench.data.build.builder import build
from molbench.data.folder.manifest import file_entry
from molbench.errors import UserError


@pytest.fixture
def folder(declare, molecules, raw):
    return build(declare(molecules(200)), raw=raw)


def test_rows_are_those_of_the_library(folder):
    for split in ("train", "test[:50%]"):
        ours = load_dataset("toy", "other", split=split)
        assert ours.to_list() == datasets.load_dataset(str(folder), "other", split=split).to_list()
    assert set(load_dataset("toy")) == {"train", "validation", "test"}
    streamed = load_dataset("toy", split="test", streaming=True)
    assert list(streamed) == load_dataset("toy", split="test").to_list()


def test_damage_is_refused_before_a_row_is_read(folder):
    assert load_dataset("toy", split="train")
    cell = next((folder / "cells").iterdir())
    content = bytearray(cell.read_bytes())
    content[50] ^= 1
    cell.write_bytes(content)
    with pytest.raises(UserError, match=rf"cells/{cell.name}: SHA-256"):
        load_dataset("toy", split="train")


def test_files_that_passed_are_not_read_again(folder, monkeypatch):
    read = []
    monkeypatch.setattr(
        "molbench.data.folder.verify.file_entry", lambda path: read.append(path.name) or file_entry(path)
    )
    load_dataset("toy", split="train")
    assert read
    read.clear()
    load_dataset("toy", "other", split="test")
    assert not read
    cell = next((folder / "cells").iterdir())
    cell.write_bytes(cell.read_bytes())
    load_dataset("toy", split="train")
    assert read == [cell.name]


def test_messages_say_what_to_do(declare, molecules, raw):
    with pytest.raises(UserError, match="unknown dataset 'nothing'"):
        load_dataset("nothing")
    schemes = {
        "random": {
            "generator": "ratio",
            "parameters": {"seed": 0, "fractions": [0.8, 0.1, 0.1]},
            "description": "Random.",
        },
        "paper": {"generator": "everything", "description": "All.", "complete": True},
    }
    build(declare(molecules(50), records=60, schemes=schemes), raw=raw, allow_partial=True)
    with pytest.raises(UserError, match=r"no split scheme 'paper' in this build \(defined on the complete"):
        load_dataset("toy-partial", "paper")
    with pytest.raises(UserError, match="no subset 'ethanol'"):
        load_dataset("toy-partial", subset="ethanol")


def test_locate(folder, monkeypatch, tmp_path):
    assert locate("toy") == folder
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="molbench data build toy`"):
        locate("toy")
    with pytest.raises(UserError, match="molbench data build toy --allow-partial`"):
        locate("toy-partial")
    with pytest.raises(UserError, match=r"ty: no such folder \(did you mean 'toy'\?\)"):
        locate(str(folder.with_name("ty")))
    with pytest.raises(UserError, match=r"holds no dataset\.yaml"):
        locate(str(tmp_path))


def test_builds_from_declared_addresses_unless_offline(folder, monkeypatch):
    (folder / "manifest.json").unlink()
    text = (folder / "dataset.yaml").read_text()
    addressed = text.replace(
        "filename: toy.parquet", "filename: toy.parquet\n    urls: [https://example.org/toy.parquet]"
    )
    (folder / "dataset.yaml").write_text(addressed)
    asked = []

    def fake_build(entry):
        asked.append(entry.id)
        raise UserError("stop here")

    monkeypatch.setattr(load, "build", fake_build)
    with pytest.raises(UserError, match="not built"):
        load_dataset("toy")
    assert not asked
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with pytest.raises(UserError, match="stop here"):
        load_dataset("toy")
    assert asked == ["toy"]
