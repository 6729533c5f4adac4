"""Stock ``datasets.load_dataset`` on a built folder, and each trap it has laid."""

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from datasets.exceptions import ExpectedMoreSplitsError, NonMatchingSplitsSizesError

from molbench.data.build.builder import build
from molbench.data.build.seal import part_schema
from molbench.data.build.splits import assign
from molbench.data.folder.manifest import Manifest

SPLITS = ("train", "validation", "test")


@pytest.fixture
def table(molecules):
    return molecules(300)


@pytest.fixture
def entry(declare, table):
    return declare(table)


@pytest.fixture
def folder(entry, raw):
    return build(entry, raw=raw)


def head(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("scheme", ["random", "other"])
def test_every_split_of_every_scheme(folder, entry, table, scheme, streaming):
    labels = assign(entry.splits.schemes[scheme], table)
    expected = {row["id"]: row for row in table.to_pylist()}
    for split in SPLITS:
        rows = list(datasets.load_dataset(str(folder), scheme, split=split, streaming=streaming))
        wanted = {i for i, label in zip(expected, labels, strict=True) if label == split}
        assert {row["id"] for row in rows} == wanted
        assert len(rows) == len(wanted)
        assert all(expected[row["id"]].items() <= row.items() for row in rows)


def test_default_config_and_slices(folder):
    assert datasets.get_dataset_default_config_name(str(folder)) == "random"
    assert len(datasets.load_dataset(str(folder), split="train[:10%]+test")) == 24 + 30


def test_features_of_the_card_are_those_of_the_files(folder):
    declared = datasets.load_dataset_builder(str(folder), "random").info.features
    assert declared == datasets.Features.from_arrow_schema(part_schema(folder, None))
    assert declared["positions"] == datasets.List(datasets.List(datasets.Value("float32"), length=3))


def test_key_order_of_nested_features(folder):
    """Trap: sorted keys put ``length`` before ``list``, which the library cannot read."""
    text = (folder / "README.md").read_text()
    assert text.index("list: float32") < text.index("length: 3")
    sorted_head = yaml.safe_dump(head(folder), sort_keys=True)
    (folder / "README.md").write_text(f"---\n{sorted_head}---\n")
    with pytest.raises(TypeError):
        datasets.load_dataset_builder(str(folder), "random")


def test_no_stale_rows_after_a_rebuild_in_place(declare, molecules, raw):
    """Trap: the library keeps its prepared copy as long as README.md stays the same."""
    folder = build(declare(molecules(300)), raw=raw)
    datasets.load_dataset(str(folder), "random", split="train")
    changed = molecules(300, seed=7)
    assert build(declare(changed), raw=raw) == folder  # same ids, same counts, other numbers
    rows = datasets.load_dataset(str(folder), "random", split="train")
    energies = dict(zip(changed.column("id").to_pylist(), changed.column("energy").to_pylist(), strict=True))
    assert all(row["energy"] == energies[row["id"]] for row in rows)


def test_version_changes_with_content_and_with_split(declare, molecules, raw):
    versions = []
    for seed, scheme_seed in ((0, 0), (1, 0), (0, 5)):
        parameters = {"seed": scheme_seed, "fractions": [0.8, 0.1, 0.1]}
        schemes = {"random": {"generator": "ratio", "parameters": parameters, "description": "Random."}}
        folder = build(declare(molecules(100, seed), schemes=schemes), raw=raw)
        versions.append(head(folder)["configs"][0]["version"])
    assert len(set(versions)) == 3


def test_missing_cell_is_noticed(folder):
    """Trap: checksums are never looked at, but declared sizes are."""
    counts = Manifest.read(folder).schemes["random"].counts
    cell = next(path for path in (folder / "cells").iterdir() if path.stem.startswith("a0"))
    assert pq.read_metadata(cell).num_rows < counts["train"]
    cell.unlink()
    with pytest.raises(NonMatchingSplitsSizesError):
        datasets.load_dataset(str(folder), "random", split="train")


def test_filters_need_no_checks(folder):
    """Trap: declared sizes refuse a filtered read, as the card says."""
    with pytest.raises((NonMatchingSplitsSizesError, ExpectedMoreSplitsError)):
        datasets.load_dataset(str(folder), "random", split="train", filters=[("energy", ">", 0.0)])
    rows = datasets.load_dataset(
        str(folder), "random", split="train", filters=[("energy", ">", 0.0)], verification_mode="no_checks"
    )
    everything = datasets.load_dataset(str(folder), "random", split="train")
    assert sorted(rows["id"]) == sorted(row["id"] for row in everything if row["energy"] > 0)
    assert "no_checks" in (folder / "README.md").read_text()


def test_flipped_bit_passes_the_library_but_not_verify(folder):
    from molbench.data.folder.verify import verify_dataset
    from molbench.errors import UserError

    cell = max((folder / "cells").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(cell.read_bytes())
    content[100] ^= 1
    cell.write_bytes(content)
    with pytest.raises(UserError, match=f"cells/{cell.name}: SHA-256"):
        verify_dataset(folder)
