"""What every kind of record says of itself is true of built datasets."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from molbench.data.folder.manifest import Manifest
from molbench.data.folder.record_identity import COLUMNS
from molbench.data.leakage.matrix import LEVELS
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.data.records import RECORD_KINDS, SMILES, required_columns
from molbench.data.records.pair import both_rows
from molbench.errors import UserError
from molbench.graph.batch import Batch
from molbench.methods.mrl3d.reader import ConformerPairReader
from molbench.spec.dataset import Dataset

DATASETS = Path(__file__).parents[3] / "datasets"
EXAMPLES = {
    "molecule": ("xtb-molecules", None),
    "pair": ("xtb-solvation", None),
    "complex": ("xtb-dimers", "interaction"),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLBENCH_HOME", str(tmp_path_factory.mktemp("records")))
        return {kind: Store.open(DATASETS / name, subset) for kind, (name, subset) in EXAMPLES.items()}


def test_every_kind_is_an_object_and_none_else_can_be_declared() -> None:
    assert {*EXAMPLES} == {*RECORD_KINDS}
    document = yaml.safe_load((DATASETS / "xtb-molecules" / "dataset.yaml").read_text(encoding="utf-8"))
    for name in RECORD_KINDS:
        assert Dataset.model_validate(document | {"record": name}).record == name
    with pytest.raises(ValueError, match="unknown record kind 'crystal'"):
        Dataset.model_validate(document | {"record": "crystal"})


@pytest.mark.parametrize("name", RECORD_KINDS)
def test_its_records_have_its_columns(name: str, stores: dict[str, Store]) -> None:
    store, kind = stores[name], RECORD_KINDS[name]
    assert store.record is kind
    columns = {*store.table.schema.names}
    keys = {key for key in kind.smiles.values() if key}
    assert {*kind.required} | {*kind.smiles} | keys <= columns
    others = {*SMILES} - {*kind.smiles}
    assert not others & columns  # so that the column alone says what kind of molecule it names
    level, identity = kind.whole
    assert not identity or (level in LEVELS and {*COLUMNS[identity]} <= columns)
    assert required_columns(columns) == kind.required
    assert (store.subset_folder / "molecules.parquet").is_file() == kind.molecule_table


@pytest.mark.parametrize("name", RECORD_KINDS)
def test_its_batches_have_as_many_molecules_as_it_says(name: str, stores: dict[str, Store]) -> None:
    store = stores[name]
    batch = store.batch(np.arange(7)[::-1])
    assert isinstance(batch, Batch)
    assert batch.num_records == 7
    assert batch.num_graphs == 7 * store.molecules_per_record
    assert batch.molecules_per_record == store.molecules_per_record == (2 if name == "pair" else 1)
    assert store.molecules_per_record == 1 or RECORD_KINDS[name].may_be_ordered


def test_pairs_are_the_same_molecules_whoever_reads_them(stores: dict[str, Store]) -> None:
    store = stores["pair"]
    rows = np.random.default_rng(0).integers(len(store), size=50)
    flat, graphs = store.batch(rows), PairReader(store, "interaction").batch(rows)
    space = ConformerPairReader(store, "interaction").batch(rows)
    kept = torch.isin(graphs.rows, space.rows)
    for side, (drawn, placed) in enumerate(((graphs.a, space.a), (graphs.b, space.b))):
        sizes = flat.sizes[side::2]
        assert torch.equal(sizes[kept], placed.sizes)
        assert torch.equal(drawn.sizes[kept], placed.sizes)
        molecules = torch.split(flat.positions, flat.sizes.tolist())[side::2]
        both = torch.cat([part for part, there in zip(molecules, kept, strict=True) if there])
        assert torch.equal(both, placed.positions)
    assert flat.sizes[0::2][~kept].numel() == flat.num_records - space.num_records


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.tuples(*2 * [st.integers(0, n - 1)]), min_size=1)))
def test_a_record_is_the_combination_of_its_own_molecules(pairs: list[tuple[int, int]]) -> None:
    rows = np.array(pairs)
    assert both_rows(rows) is rows or np.array_equal(both_rows(rows), rows)
    assert np.array_equal(both_rows(rows[:, 0]), rows[:, [0, 0]])
    # The same combinations as one number each, records + records · i + j, which rows were before.
    records = rows.max() + 1
    first, second = np.divmod(records + records * rows[:, 0] + rows[:, 1], records)
    assert np.array_equal(both_rows(rows), np.stack([first - 1, second], axis=1))


def test_combinations_take_one_molecule_of_each_record(stores: dict[str, Store]) -> None:
    reader = ConformerPairReader(stores["pair"], "interaction")
    records = np.arange(20)
    combined = reader.combinations(records, 1.0, seed=0)
    assert combined.shape[1] == 2 and {*combined.ravel()} <= {*records}
    assert len(np.unique(combined, axis=0)) == len(combined)
    batch = reader.batch(combined[:30])
    for number, (i, j) in enumerate(batch.rows.tolist()):
        a, b = reader.batch(np.array([i])), reader.batch(np.array([j]))
        for whole, alone in ((batch.a, a.a), (batch.b, b.b)):
            start, stop = whole.ptr[number : number + 2].tolist()
            assert torch.equal(whole.positions[start:stop], alone.positions)
    with pytest.raises(ValueError, match="no targets"):
        reader.batch(combined, ["dg_solv"])


def test_a_declaration_of_other_records_is_refused(tmp_path: Path) -> None:
    for name in ("molecule", "complex", "pair"):
        source = DATASETS / "xtb-molecules"
        folder = tmp_path / name
        folder.mkdir()
        declaration = yaml.safe_load((source / "dataset.yaml").read_text()) | {"record": name}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(declaration))
        table = pa.record_batch({"id": ["a"], "atomic_numbers": [[1]], "positions": [[[0.0, 0, 0]]]})
        store = Store(folder, None, Manifest.read(source), table)
        if name == "pair":
            with pytest.raises(UserError, match="is a pair, and there is no column a_smiles, b_smiles"):
                store.batch([0])
        else:
            assert store.record is RECORD_KINDS[name]
