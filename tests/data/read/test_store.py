"""The reader returns exactly what the cells hold, in any order, and notices rebuilt data."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.folder.manifest import Manifest, file_entries
from molbench.data.read.loader import Loader
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.paths import home
from tests.manifests import content_digest, scheme_entry

POSITIONS = pa.list_(pa.list_(pa.float32(), 3))


def write_dataset(folder: Path, n: int = 23, digest: str = "", shift: float = 0.0) -> list[dict]:
    """A built folder made by hand: three cells whose rows are not in source order."""
    rng = np.random.default_rng(0)
    records = []
    for i in range(n):
        size = int(rng.integers(1, 9))
        records.append(
            {
                "id": f"m{i}",
                "atomic_numbers": rng.integers(1, 10, size).astype(np.uint8).tolist(),
                "positions": (rng.normal(size=(size, 3)) + shift).astype(np.float32).tolist(),
                "forces": rng.normal(size=(size, 3)).astype(np.float32).tolist(),
                "energy": float(rng.normal() * 1e5),
                "split": ["train", "validation", "test"][int(rng.integers(3))]
                if i > 2
                else ["train", "validation", "test"][i],
            }
        )
    schema = pa.schema(
        {
            "id": pa.string(),
            "atomic_numbers": pa.list_(pa.uint8()),
            "positions": POSITIONS,
            "forces": POSITIONS,
            "energy": pa.float64(),
        }
    )
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    (folder / "splits").mkdir(exist_ok=True)
    for split in ["train", "validation", "test"]:
        rows = [{k: r[k] for k in schema.names} for r in reversed(records) if r["split"] == split]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "cells" / f"s-{split}.parquet")
    ids, labels = [r["id"] for r in records], [r["split"] for r in records]
    pq.write_table(pa.table({"id": ids, "split": labels}), folder / "splits" / "random.parquet")
    whole = pa.Table.from_pylist([{k: r[k] for k in schema.names} for r in records], schema=schema)
    declaration = {"name": "toy", "version": "1.0.0", "title": "Toy", "summary": "Made for a test."}
    declaration |= {"record": "molecule", "licence": "MIT", "citation": [], "parser": "records"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(declaration))
    Manifest(
        name="toy",
        dataset_id="toy",
        version="1.0.0",
        records=n,
        digest=digest or content_digest(whole),
        bytes=0,
        count="complete",
        partial=False,
        schemes={"random": scheme_entry(whole, declaration, labels)},
        files=file_entries(folder),
    ).write(folder)
    return records


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[dict]]:
    folder = tmp_path_factory.mktemp("toy")
    records = write_dataset(folder)
    return Store.open(folder), records


def test_source_order_is_recovered_from_the_cells(toy) -> None:
    store, records = toy
    assert store.ids.to_pylist() == [r["id"] for r in records]
    assert store.sizes.tolist() == [len(r["atomic_numbers"]) for r in records]
    np.testing.assert_array_equal(store.target("energy"), [r["energy"] for r in records])
    for split in ["train", "validation", "test"]:
        assert store.rows("random", split).tolist() == [
            i for i, r in enumerate(records) if r["split"] == split
        ]


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_batch_is_the_concatenation_of_its_records(toy, data) -> None:
    store, records = toy
    rows = data.draw(st.lists(st.integers(0, len(records) - 1), min_size=1, max_size=30))
    batch = store.batch(rows, targets=["energy"], forces=True)
    chosen = [records[i] for i in rows]
    assert batch.atomic_numbers.tolist() == [z for r in chosen for z in r["atomic_numbers"]]
    torch.testing.assert_close(
        batch.positions, torch.tensor([p for r in chosen for p in r["positions"]]), rtol=0, atol=0
    )
    torch.testing.assert_close(
        batch.forces, torch.tensor([f for r in chosen for f in r["forces"]]), rtol=0, atol=0
    )
    assert batch.targets["energy"].tolist() == [r["energy"] for r in chosen]
    assert batch.ptr.tolist() == np.cumsum([0, *(len(r["atomic_numbers"]) for r in chosen)]).tolist()
    assert batch.rows.tolist() == rows


def test_reading_copies_nothing_until_a_batch_is_asked_for(toy) -> None:
    store, _ = toy
    assert not store.atom_index.positions.flags.owndata and not store.atom_index.positions.flags.writeable


def test_rebuilt_records_are_noticed(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    before = Store.open(tmp_path).batch([0]).positions
    write_dataset(tmp_path, shift=1.0)
    torch.testing.assert_close(Store.open(tmp_path).batch([0]).positions, before + 1.0)


def test_truncated_store_file_is_rebuilt(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    expected = Store.open(tmp_path).batch([0, 5]).positions.clone()
    (path,) = (home() / "stores").glob("*.arrow")
    path.write_bytes(path.read_bytes()[:300])
    torch.testing.assert_close(Store.open(tmp_path).batch([0, 5]).positions, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.column("gap"), "no column 'gap'"),
        (lambda s: s.rows("scaffold", "train"), "no split scheme 'scaffold' in this build; it has: random"),
        (lambda s: s.rows("random", "valid"), "no split 'valid'"),
        (lambda s: Store.open(s.folder, "aspirin"), "no subset 'aspirin'"),
        (lambda s: Store.open(s.folder / "cells"), "not a built dataset"),
    ],
)
def test_what_is_missing_is_named(toy, call, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(toy[0])


def test_a_flipped_bit_is_noticed_before_training(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    path = tmp_path / "cells" / "s-train.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"s-train\.parquet: damaged"):
        Store.open(tmp_path)


def test_ids_that_disagree_are_damage(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    (tmp_path / "cells" / "s-test.parquet").unlink()
    with pytest.raises(UserError, match="damaged"):
        Store.open(tmp_path)


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 60),
    batch_size=st.integers(1, 17),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 3),
    shuffle=st.booleans(),
    drop=st.booleans(),
)
def test_an_epoch_is_every_record_once(toy, n, batch_size, seed, epoch, shuffle, drop) -> None:
    rows = np.arange(100, 100 + n)
    loader = Loader(toy[0], rows, batch_size, seed=seed, shuffle=shuffle, drop_last=drop)
    batches = list(loader.rows(epoch))
    assert len(batches) == len(loader)
    seen = [int(i) for batch in batches for i in batch]
    assert len(seen) == len(set(seen)) and set(seen) <= set(rows.tolist())
    assert len(seen) == (n // batch_size * batch_size if drop else n)


@settings(deadline=None, max_examples=30)
@given(start=st.integers(0, 12), stride=st.integers(1, 4), seed=st.integers(0, 4), epoch=st.integers(0, 3))
def test_processes_take_turns(toy, start: int, stride: int, seed: int, epoch: int) -> None:
    store, records = toy
    loader = Loader(store, np.arange(len(records)), 2, seed=seed)
    whole = [b.rows.tolist() for b in loader.epoch(epoch)]
    assert [b.rows.tolist() for b in loader.epoch(epoch, start, stride)] == whole[start::stride]


@settings(deadline=None, max_examples=30)
@given(start=st.integers(0, 12), seed=st.integers(0, 4), epoch=st.integers(0, 3))
def test_an_epoch_resumes_in_its_middle(toy, start: int, seed: int, epoch: int) -> None:
    store, records = toy
    loader = Loader(store, np.arange(len(records)), 2, seed=seed)
    whole = [b.rows.tolist() for b in loader.epoch(epoch)]
    assert [b.rows.tolist() for b in loader.epoch(epoch, start)] == whole[start:]
    assert whole != [b.rows.tolist() for b in loader.epoch(epoch + 1)]
