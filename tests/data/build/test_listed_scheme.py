"""A scheme of listed records is the same from every copy that has their atoms and labels."""

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.build.builder import build
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.data.read.store import Store
from molbench.errors import UserError

SIZES = [24, 3, 3]


@pytest.fixture
def listing(declare, tmp_path):
    """``listing(table, ids, **scheme)``: a declaration of 100 records with a scheme of the listed ones."""

    def make(table, ids, **changes):
        scheme = {"generator": "listed", "description": "Listed.", "geometry": False}
        scheme["parameters"] = {"ids": "few.txt", "seed": 0, "sizes": SIZES}
        entry = declare(table, schemes={"few": scheme | changes}, records=100)
        (entry.folder / "few.txt").write_text("\n".join(ids) + "\n")
        return entry

    return make


def moved(table, by=1e-4):
    """The same molecules, one coordinate in ten another in the last decimal."""
    column = table.column("positions").combine_chunks()
    values = column.flatten().flatten().to_numpy().copy()
    values[::10] += by
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(values), type=column.type.value_type)
    return table.set_column(
        table.schema.get_field_index("positions"),
        "positions",
        pa.ListArray.from_arrays(column.offsets, vectors),
    )


IDS = [f"m-{i:05d}" for i in range(5, 95, 3)]


def test_the_scheme_is_the_same_from_all_records_and_from_the_listed_alone(listing, molecules, raw):
    table = molecules(100)
    whole = Manifest.read(build(listing(table, IDS), raw=raw)).schemes["few"]
    assert whole.counts == {"train": 24, "validation": 3, "test": 3, "unused": 70}
    few = moved(table.filter(pa.compute.is_in(table["id"], pa.array(IDS)))).take(pa.array(range(30))[::-1])
    folder = build(listing(few, IDS, content=whole.content), raw=raw)
    part = Manifest.read(folder)
    assert (part.dataset_id, part.count) == ("toy", "short")
    assert part.schemes["few"].complete and part.schemes["few"].content == whole.content
    verify_dataset(folder)
    store = Store.open(folder)
    tested = {store.ids[int(row)].as_py() for row in store.rows("few", "test")}
    order = np.random.default_rng(0).permutation(30)
    assert tested == {IDS[i] for i in order[27:]}


def test_other_labels_or_atoms_are_another_scheme(listing, molecules, raw):
    table = molecules(100)
    content = Manifest.read(build(listing(table, IDS), raw=raw)).schemes["few"].content
    few = table.filter(pa.compute.is_in(table["id"], pa.array(IDS)))
    energies = few["energy"].to_numpy().copy()
    energies[0] += 1e-9
    atoms = few["atomic_numbers"].to_pylist()
    atoms[0] = [9, *atoms[0][1:]]
    for changed in (
        few.set_column(few.schema.get_field_index("energy"), "energy", pa.array(energies)),
        few.set_column(1, "atomic_numbers", pa.array(atoms, few.schema.field("atomic_numbers").type)),
    ):
        with pytest.raises(UserError, match="30 of 100 records"):
            build(listing(changed, IDS, content=content), raw=raw)


def test_coordinates_count_where_a_scheme_does_not_say_otherwise(listing, molecules, raw):
    table = molecules(100)
    strict = Manifest.read(build(listing(table, IDS, geometry=True), raw=raw)).schemes["few"].content
    loose = Manifest.read(build(listing(table, IDS), raw=raw)).schemes["few"].content
    assert strict != loose
    other = Manifest.read(build(listing(moved(table), IDS, geometry=True), raw=raw)).schemes["few"].content
    assert other != strict


def test_a_list_that_does_not_fit_is_refused(listing, molecules, raw):
    table = molecules(100)
    with pytest.raises(UserError, match="29 of the 30 listed records are there"):
        build(listing(table, [*IDS[:-1], "m-nobody"]), raw=raw)
    with pytest.raises(UserError, match=r"few\.txt: an id stands twice"):
        build(listing(table, [*IDS[:-1], IDS[0]]), raw=raw)
    with pytest.raises(UserError, match="do not add up to the 29"):
        build(listing(table, IDS[:-1]), raw=raw)
    entry = listing(table, IDS)
    (entry.folder / "few.txt").unlink()
    with pytest.raises(UserError, match=r"few\.txt: the list of ids cannot be read"):
        build(entry, raw=raw)
