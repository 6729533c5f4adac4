"""Laws of every split generator of the listing that reads no file."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from molbench.chem.inchikeys import inchikey
from molbench.data.build.splits import assign
from molbench.data.build.splits.assign import SPLITTERS
from molbench.errors import UserError
from molbench.spec.splits import SPLITS, Scheme

RINGS = ["C1CC1", "C1CCC1", "C1CCCC1", "C1CCCCC1", "C1CCCCCC1", "C1CCNC1", "C1CCOC1", "C1CCSC1", "C1CCNCC1"]
AROMATIC = [
    "c1ccccc1",
    "c1ccncc1",
    "c1ccsc1",
    "c1ccoc1",
    "c1cnccn1",
    "c1cscn1",
    "c1ccc2ccccc2c1",
    "c1ccc2sccc2c1",
]
CORES = [*RINGS, *AROMATIC, "C1CCOCC1", "C1COCCN1", "C1CSCCN1", "C#N"]
SMILES = [f"{group}{'C' * size}{core}" for size, group, core in product(range(3), ["", "O", "N", "F"], CORES)]
SMALL = [name for name in SPLITTERS if SPLITTERS[name].small is not None]


@pytest.fixture(scope="module")
def keys() -> pa.Table:
    """Molecules and pairs with every key that a generator may ask for."""
    count, rng = len(SMILES), np.random.default_rng(0)
    a, b = (rng.permutation(np.repeat(np.arange(12), count // 12)) for _ in "ab")
    molecules = {"": np.arange(count), "a_": a, "b_": b + 12}
    names = {
        f"{side}{column}": [read(SMILES[row]) for row in rows]
        for side, rows in molecules.items()
        for column, read in (("smiles", str), ("inchikey", inchikey))
    }
    return pa.table(
        {
            "id": [f"m-{row}" for row in range(count)],
            "n_heavy": [sum(letter.isalpha() for letter in text) for text in SMILES],
            "frame": np.arange(count),
            "group": [f"g{row % 40}" for row in range(count)],
            "energy": rng.normal(size=count),
            **names,
        }
    )


def scheme(name: str) -> Scheme:
    return Scheme(generator=name, parameters=dict(SPLITTERS[name].small or {}), description="Of a test.")


@pytest.mark.parametrize("name", SMALL)
def test_every_record_has_one_label_and_no_split_is_empty(keys: pa.Table, name: str) -> None:
    labels = assign(scheme(name), keys)
    assert labels.shape == (len(keys),) and set(labels) <= {*SPLITS, "unused"}
    assert set(labels) >= set(SPLITS) or SPLITTERS[name].may_leave_empty


@pytest.mark.parametrize("name", SMALL)
def test_the_same_draw_gives_the_same_labels_and_leaves_the_keys_alone(keys: pa.Table, name: str) -> None:
    before = keys.slice(0)
    assert (assign(scheme(name), keys) == assign(scheme(name), keys)).all()
    assert keys.equals(before)


@pytest.mark.parametrize("name", [name for name in SMALL if SPLITTERS[name].small])
def test_a_parameter_that_is_missing_is_asked_for(keys: pa.Table, name: str) -> None:
    with pytest.raises(UserError, match="does not take these parameters"):
        assign(Scheme(generator=name, parameters={}, description="Of a test."), keys)
