"""Records are read from content that was checked, and nobody's folder touches the records of another."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.atomic import temporary_beside
from molbench.data.folder.digest import assignment_digest
from molbench.data.folder.manifest import Manifest, file_entries
from molbench.data.read import layout
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.paths import catalogue_root, home
from tests.data.read.test_store import write_dataset
from tests.manifests import scheme_entry


@pytest.fixture(autouse=True)
def _new_process(_own_home: None) -> None:
    """What a process remembers of files that it has checked is forgotten."""
    layout._is_sound.cache_clear()
    layout._labels.cache_clear()


def reseal(folder: Path, **changes: object) -> None:
    """Make the manifest's list of files fit the files, as a forger would."""
    manifest = Manifest.read(folder)
    manifest.model_copy(update={"files": file_entries(folder), **changes}).write(folder)


def change_labels(folder: Path) -> None:
    """Other energies, in files that fit the manifest's list."""
    for path in (folder / "cells").glob("*.parquet"):
        table = pq.read_table(path)
        column = table.schema.get_field_index("energy")
        changed = pa.array(np.asarray(table.column("energy")) + 1.0)
        pq.write_table(table.set_column(column, "energy", changed), path)


def test_a_folder_with_the_digest_of_another_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    genuine, foreign = tmp_path / "genuine", tmp_path / "foreign"
    write_dataset(genuine)
    shutil.copytree(genuine, foreign)
    change_labels(foreign)
    reseal(foreign)
    with pytest.raises(UserError, match="not those whose digest its manifest tells"):
        Store.open(foreign)
    assert not list((home() / "stores").iterdir())
    before = Store.open(genuine).target("energy").copy()
    assert np.array_equal(Store.open(foreign).target("energy"), before), "genuine records, or none"


def test_a_split_that_was_changed_is_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    path = tmp_path / "splits" / "random.parquet"
    table = pq.read_table(path)
    labels = table.column("split").to_pylist()
    labels[0], labels[1] = labels[1], labels[0]
    store = Store.open(tmp_path)
    pq.write_table(table.set_column(1, "split", pa.array(labels)), path)
    with pytest.raises(UserError, match=r"random.parquet: damaged, it is not the split"):
        store.rows("random", "test")
    digest = assignment_digest(table.column("id").to_pylist(), labels)
    scheme = store.manifest.schemes["random"].model_copy(update={"digest": digest})
    reseal(tmp_path, schemes={"random": scheme})
    with pytest.raises(UserError, match=r"random.parquet: the records that it uses are not those"):
        Store.open(tmp_path).rows("random", "test")
    scheme = scheme_entry(pa.Table.from_batches([store.table]), store.dataset.model_dump(), labels)
    reseal(tmp_path, schemes={"random": scheme})
    assert Store.open(tmp_path).rows("random", "test").size


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: bytes([raw[0] ^ 1]) + raw[1:]])
def test_damaged_digests_of_records_are_computed_again(tmp_path: Path, damage: Callable) -> None:
    write_dataset(tmp_path)
    rows = Store.open(tmp_path).rows("random", "test")
    [path] = (home() / "stores").glob("*.records")
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    assert np.array_equal(Store.open(tmp_path).rows("random", "test"), rows)
    assert path.read_bytes() == sound


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_bit_in_a_cached_store_is_noticed(tmp_path: Path, place: float) -> None:
    write_dataset(tmp_path)
    before = Store.open(tmp_path).table.to_pylist()
    [path] = (home() / "stores").glob("*.arrow")
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)
    layout._is_sound.cache_clear()
    assert Store.open(tmp_path).table.to_pylist() == before


def test_a_store_without_its_checksum_is_laid_out_again(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    before = Store.open(tmp_path).table.to_pylist()
    [path] = (home() / "stores").glob("*.sha256")
    path.write_text(json.dumps("0" * 64))
    layout._is_sound.cache_clear()
    assert Store.open(tmp_path).table.to_pylist() == before


def test_an_embedded_dataset_is_the_one_of_the_package(tmp_path: Path) -> None:
    own = catalogue_root() / "datasets" / "xtb-spectra"
    copy = Path(shutil.copytree(own, tmp_path / "xtb-spectra"))
    assert len(Store.open(copy)) == len(Store.open(own)), "a copy is the same dataset"
    write_dataset(tmp_path / "mine")
    reseal(tmp_path / "mine", name="xtb-spectra", dataset_id="xtb-spectra")
    with pytest.raises(UserError, match="give it a name of its own"):
        Store.open(tmp_path / "mine")


def test_leftovers_of_dead_processes_are_swept(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    left = temporary_beside(home() / "stores" / "x.arrow")
    dead = left.with_name("-".join([left.name.split("-")[0], "99999999", left.name.split("-")[2]]))
    dead.mkdir(parents=True)
    Store.open(tmp_path)
    assert not dead.exists()
    dead.mkdir()  # of one that was killed while another laid out the same records
    Store.open(tmp_path)
    assert not dead.exists()
