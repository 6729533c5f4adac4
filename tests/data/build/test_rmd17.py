"""Published split 1 of revised MD17 is the same from the archive and from a copy that is cut up into it."""

import tarfile

import numpy as np
import pytest
import yaml

from molbench.data.build.builder import build
from molbench.data.folder.location import declared
from molbench.data.folder.manifest import Manifest
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry

FRAMES, TRAIN, TEST = 400, 80, 90
KEYS = ("coords", "energies", "forces", "old_indices", "old_energies", "old_forces")


@pytest.fixture
def made_up(tmp_path):
    """``make(content)``, a declaration for a trajectory made here; an archive of that, and its pieces."""
    rng = np.random.default_rng(0)
    arrays = {
        "coords": rng.normal(scale=0.1, size=(FRAMES, 4, 3)) + np.arange(4)[:, None],
        "energies": rng.normal(size=FRAMES) - 97_000.0,
        "forces": rng.normal(size=(FRAMES, 4, 3)),
        "old_indices": rng.permutation(200_000)[:FRAMES],
    }
    arrays |= {"old_energies": arrays["energies"] + 1, "old_forces": arrays["forces"] + 1}
    charges = {"nuclear_charges": np.array([6, 1, 1, 8], dtype=np.uint8)}
    rows = rng.permutation(FRAMES)
    chosen = {"train": rows[:TRAIN], "test": rows[TRAIN : TRAIN + TEST]}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole / "splits", cut):
        folder.mkdir(parents=True)
    np.savez(whole / "rmd17_ethanol.npz", **charges, **arrays)
    for split, own in chosen.items():
        np.savetxt(whole / "splits" / f"index_{split}_01.csv", own, fmt="%d")
        np.savez(cut / f"rmd17_ethanol_{split}_01.npz", **charges, **{key: arrays[key][own] for key in KEYS})
    with tarfile.open(whole / "rmd17.tar.bz2", "w:bz2") as archive:
        archive.add(whole / "rmd17_ethanol.npz", "rmd17/npz_data/rmd17_ethanol.npz")
        archive.add(whole / "splits", "rmd17/splits")

    def make(content: str | None) -> DatasetEntry:
        source = declared("rmd17").folder
        folder = tmp_path / "declared" / "rmd17"
        folder.mkdir(parents=True, exist_ok=True)
        dataset = yaml.safe_load((source / "dataset.yaml").read_text())
        ethanol = dataset["subsets"]["ethanol"]
        for key in ("size", "md5"):
            del ethanol["sources"]["trajectory"][key]
        dataset["subsets"] = {"ethanol": ethanol | {"records": FRAMES}}
        splits = yaml.safe_load((source / "splits.yaml").read_text())
        splits["schemes"] = {name: splits["schemes"][name] for name in ("published-1", "block")}
        splits["schemes"]["published-1"] |= {"content": {"ethanol": content} if content else None}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(dataset))
        (folder / "splits.yaml").write_text(yaml.safe_dump(splits))
        (folder / "tasks.yaml").write_text("tasks: {}\n")
        return DatasetEntry("rmd17", folder)

    return make, whole, cut


def test_the_published_split_is_the_same_from_either(made_up):
    make, whole, cut = made_up
    full = Manifest.read(build(make(None), raw=whole, offline=True))
    published = full.subsets["ethanol"].schemes["published-1"]
    assert published.counts == {
        "train": TRAIN - 50,
        "validation": 50,
        "test": TEST,
        "unused": FRAMES - TRAIN - TEST,
    }
    entry = make(published.content)
    part = Manifest.read(build(entry, raw=cut, offline=True)).subsets["ethanol"]
    found = part.schemes["published-1"]
    assert (part.count, part.records, part.partial) == ("short", TRAIN + TEST, False)
    assert found.content == published.content and found.complete
    assert found.counts == {"train": TRAIN - 50, "validation": 50, "test": TEST}
    assert part.left_out == {"block": "170 of 400 records are there"}


def test_other_frames_are_not_the_published_split(made_up):
    make, _, cut = made_up
    with pytest.raises(UserError, match=r"170 of 400 records.*--allow-partial"):
        build(make("0" * 64), raw=cut, offline=True)


def test_one_piece_is_not_the_whole(made_up):
    make, _, cut = made_up
    (cut / "rmd17_ethanol_test_01.npz").unlink()
    manifest = Manifest.read(build(make(None), raw=cut, offline=True, allow_partial=True))
    part = manifest.subsets["ethanol"]
    assert part.records == TRAIN and part.left_out["published-1"] == "defined on the complete dataset only"


@pytest.mark.real
def test_the_frames_of_the_authors_are_published_split_1(real_data):
    folder = build(declared("rmd17"), raw=real_data / "rmd17" / "rmd17-npz", offline=True)
    manifest = Manifest.read(folder)
    assert manifest.dataset_id == "rmd17" and len(manifest.subsets) == 6
    for part in manifest.subsets.values():
        assert part.schemes.keys() == {"published-1"} and part.schemes["published-1"].complete
        assert part.schemes["published-1"].counts == {"train": 950, "validation": 50, "test": 1000}
