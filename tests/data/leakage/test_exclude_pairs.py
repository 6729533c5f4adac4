"""Pairs that tasks test on are kept out of pretraining, or the checkpoint says that they were not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from molbench.data.build.builder import build
from molbench.data.leakage.exclude_pairs import count_pairs, exclude_pairs
from molbench.data.leakage.pairs import held_out, pairs_of, relational_tasks
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.training.checkpoint import Checkpoint
from molbench.training.pretrain import pretrain

# Of no embedded dataset, whose test pairs are left out as well.
THIOLS = ["C" * n + "S" for n in range(1, 7)]
SOLVENTS = ["O", "CC#N", "C1CC1", "CCN"]
# Pairs that occur nowhere else.
UNRELATED = [("N", "C"), ("N", "S"), ("P", "C"), ("P", "S")]
SMALL: dict[str, Any] = {
    "method": {
        "projection": 8,
        "filters": 8,
        "interactions": 1,
        "gaussians": 8,
        "hidden": 8,
        "edge_hidden": 8,
    },
    "training": {"batch_size": 4},
}
Build = Callable[..., Path]


@pytest.fixture
def build_pairs(tmp_path: Path) -> Build:
    """``build_pairs(name, pairs, ordered=True, scheme="random")``: pairs labelled by number."""

    def make(
        name: str,
        pairs: Sequence[tuple[str, str]],
        *,
        ordered: bool = True,
        scheme: str = "random",
        fractions: Sequence[float] = (0.5, 0.25, 0.25),
        tasks: bool = True,
    ) -> Path:
        table = pa.table(
            {
                "id": [f"{name}-{n:03d}" for n in range(len(pairs))],
                "a_smiles": [a for a, _ in pairs],
                "b_smiles": [b for _, b in pairs],
                "y": [float(n) for n in range(len(pairs))],
            }
        )
        folder = tmp_path / "declared" / name
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "raw.parquet")
        parameters = (
            {"repeats": 1, "folds": 2, "validation": 0.5}
            if scheme == "kfold"
            else {"fractions": list(fractions)}
        )
        generator = "kfold" if scheme == "kfold" else "ratio"
        declarations = {
            "dataset": {
                "name": name,
                "version": "1.0.0",
                "title": name,
                "summary": "Made for a test.",
                "record": "pair",
                "identity": "pair",
                "ordered": ordered,
                "licence": "CC0-1.0",
                "citation": [],
                "parser": "records",
                "options": {"columns": ["a_smiles", "b_smiles", "y"]},
                "sources": {"records": {"filename": "raw.parquet"}},
                "records": len(table),
                "targets": {"y": {"unit": "1", "description": "Number"}},
            },
            "splits": {
                "schemes": {
                    scheme: {
                        "generator": generator,
                        "parameters": {"seed": 0, **parameters},
                        "description": "Made for a test.",
                    }
                }
            },
            "tasks": {
                "tasks": {
                    "y": {"target": "y", "metrics": ["mae"], "unit": "1", "scheme": scheme, "why": "None."}
                }
                if tasks
                else {}
            },
        }
        for key, value in declarations.items():
            (folder / f"{key}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
        return build(DatasetEntry(name, folder), raw=folder, offline=True)

    return make


def product(first: Sequence[str], second: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for a in first for b in second]


def own_tasks(*names: str) -> list[Any]:
    entries = Catalogue.load().entries
    return relational_tasks(entries[name] for name in names)


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_order_matters_where_it_matters_on_both_sides(build_pairs: Build, here: bool, there: bool) -> None:
    tested = product(THIOLS, SOLVENTS)
    build_pairs("tested", tested, ordered=there, scheme="kfold")
    # Isotopes and spelling change nothing; the first two are the other way round.
    store = Store.open(
        build_pairs(
            "corpus",
            [("O", "SC"), ("CC#N", "CS"), ("[13CH3]S", "O"), ("SCC", "N#CC"), ("O", "O"), ("CC", "C")],
            ordered=here,
        )
    )
    rows, done = exclude_pairs(store, np.arange(len(store))[::-1].copy(), own_tasks("tested"))
    assert rows.tolist() == ([5, 4, 1, 0] if here and there else [5, 4])
    assert (done.records, done.identities) == (len(store) - len(rows), ("tested@kfold: pair",))
    assert count_pairs(store, rows, own_tasks("tested")) == {"tested@kfold": 0}


def test_combinations_are_known_by_both_records(build_pairs: Build) -> None:
    store = Store.open(build_pairs("corpus", [("CO", "O"), ("CCO", "CC#N"), ("CCCO", "CC=O"), ("C", "S")]))
    build_pairs("tested", [("CO", "CC#N"), ("CCO", "O"), *UNRELATED], scheme="kfold")
    n = len(store)
    every = np.array([(i, j) for i in range(n) for j in range(n)])
    keys = pairs_of(store, every).to_pydict()
    assert keys["a_inchikey"][1] == store.column("a_inchikey")[0].as_py()
    assert keys["b_inchikey"][1] == store.column("b_inchikey")[1].as_py()
    rows, _ = exclude_pairs(store, every, own_tasks("tested"))
    assert {*map(tuple, every)} - {*map(tuple, rows)} == {(0, 1), (1, 0)}
    # A record is the combination of its own molecules.
    assert pairs_of(store, np.arange(n)).equals(pairs_of(store, np.arange(n)[:, None].repeat(2, axis=1)))


def test_pairs_of_a_molecule_that_is_tested_alone(
    build_pairs: Build, build_molecules: Callable[..., Path]
) -> None:
    build_molecules("alone", ["C", "O", "CC", "CCCCCC"])  # hexane is tested
    store = Store.open(build_pairs("corpus", [("CCCCCC", "O"), ("CO", "CCCCCC"), ("CO", "O"), ("N", "O")]))
    rows, done = exclude_pairs(store, np.arange(4), Catalogue.load().tasks(["alone/*"]))
    assert rows.tolist() == [2, 3]
    assert done.identities == ("alone@size: inchikey",)


def test_molecules_without_names_cannot_be_told(
    build_pairs: Build, build_molecules: Callable[..., Path]
) -> None:
    build_molecules("nameless", ["C", "O", "CC", "CCCCCC"], with_smiles=False)
    store = Store.open(build_pairs("corpus", product(THIOLS, SOLVENTS)))
    with pytest.raises(UserError, match="nameless@size: its molecules have no InChIKeys"):
        exclude_pairs(store, np.arange(4), Catalogue.load().tasks(["nameless/*"]))


def run(output: Path, **changes: Any) -> Checkpoint:
    settings: dict[str, Any] = {"data": "corpus", "backbone": "cigin", "steps": 1, "overrides": SMALL}
    return pretrain("3dmrl", output=output, **(settings | changes))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Rows that loaders were made of."""
    import molbench.training.pretrain as room

    actual: list[np.ndarray] = []
    loader = room.Loader

    def spy(reader: Any, rows: np.ndarray, *arguments: Any, **options: Any) -> Any:
        actual.append(rows)
        return loader(reader, rows, *arguments, **options)

    monkeypatch.setattr(room, "Loader", spy)
    return actual


def named(store: Store, rows: np.ndarray) -> set[tuple[str, str]]:
    keys = pairs_of(store, rows).to_pydict()
    return {(a[:14], b[:14]) for a, b in zip(keys["a_inchikey"], keys["b_inchikey"], strict=True)}


@pytest.mark.parametrize("combine", [True, False])
def test_by_default_nothing_that_is_tested_or_validated_is_pretrained_on(
    build_pairs: Build, tmp_path: Path, seen: list[np.ndarray], combine: bool
) -> None:
    folder = build_pairs("corpus", product(THIOLS, SOLVENTS))
    build_pairs("other", [("CCCS", "O"), ("CCCS", "CC#N"), *UNRELATED], scheme="kfold")
    settings = SMALL | {"method": SMALL["method"] | {"combine": combine, "share": 1.0}}
    made = run(tmp_path / "c.pt", overrides=settings)
    store = Store.open(folder)
    trained = named(store, seen[0])
    held = {test.name for test in held_out(own_tasks("corpus", "other"))}
    outside = np.setdiff1d(np.arange(len(store)), store.rows("random", "train"))
    other = Store.open(folder.parent / "other")
    forbidden = named(store, outside) | named(other, np.arange(len(other)))
    assert trained
    assert not trained & forbidden
    # No more than that is left out.
    records = store.rows("random", "train")
    keys = named(store, records)
    wanted = {(a, b) for a, _ in keys for _, b in keys} if combine else keys
    assert trained == wanted - forbidden
    done = made.pretraining
    assert done["contaminated"] is False
    assert "test_pairs" not in done
    assert held <= {text.removesuffix(": pair") for text in done["excluded"]["identities"]}
    assert done["excluded"]["records"] == len(wanted & forbidden)
    assert done["records"] == len(trained)


def test_test_pairs_can_be_included_and_the_checkpoint_says_so(
    build_pairs: Build, tmp_path: Path, seen: list[np.ndarray]
) -> None:
    folder = build_pairs("corpus", product(THIOLS, SOLVENTS))
    build_pairs("other", [("CCCS", "O"), ("CCCS", "CC#N"), *UNRELATED], scheme="kfold")
    settings = SMALL | {"method": SMALL["method"] | {"share": 1.0}}
    made = run(tmp_path / "c.pt", overrides=settings, include_test_pairs=True)
    store = Store.open(folder)
    first, second = (pairs_of(store, store.rows("random", "train")).column(n).unique() for n in (0, 1))
    assert len(seen[0]) == len(first) * len(second) == made.pretraining["records"]
    done = Checkpoint.load(tmp_path / "c.pt").pretraining
    assert done["contaminated"] is True
    tested = named(store, store.rows("random", "test"))
    assert done["test_pairs"]["corpus@random"] == len(named(store, seen[0]) & tested) > 0
    assert done["test_pairs"]["other@kfold"] == 2
    assert done["excluded"]["records"] == 0
    # What is named is left out all the same, and counted as such.
    part = run(tmp_path / "d.pt", overrides=settings, include_test_pairs=True, exclude=["corpus/*"])
    assert part.pretraining["test_pairs"]["corpus@random"] == 0
    assert part.pretraining["test_pairs"]["other@kfold"] > 0
    assert part.pretraining["excluded"]["records"] == done["test_pairs"]["corpus@random"]


def test_a_dataset_without_tasks_keeps_its_own_test_split_out(
    build_pairs: Build, tmp_path: Path, seen: list[np.ndarray]
) -> None:
    folder = build_pairs("corpus", product(THIOLS, SOLVENTS), tasks=False)
    moved = folder.rename(tmp_path / "elsewhere")
    settings = SMALL | {"method": SMALL["method"] | {"share": 1.0}}
    run(tmp_path / "c.pt", data=moved, overrides=settings)
    store = Store.open(moved)
    assert not named(store, seen[0]) & named(store, store.rows("random", "test"))


def test_nothing_left_is_an_error_that_says_what_to_do(build_pairs: Build, tmp_path: Path) -> None:
    build_pairs("corpus", product(THIOLS, SOLVENTS), scheme="kfold")
    settings = SMALL | {"method": SMALL["method"] | {"combine": False, "share": 1.0}}
    with pytest.raises(UserError, match=r"(\d+) pairs, of which \1 are test pairs .* combinations"):
        run(tmp_path / "c.pt", overrides=settings, scheme="kfold-0-0")
    assert not list(tmp_path.glob("c.pt*"))


def test_single_molecules_have_no_test_pairs(build_molecules: Callable[..., Path], tmp_path: Path) -> None:
    build_molecules("molecules", ["C", "CC", "CCC", "CCCC"])
    with pytest.raises(UserError, match="holds no pairs"):
        pretrain(
            "geossl-ddm",
            data="molecules",
            backbone="schnet",
            output=tmp_path / "c.pt",
            include_test_pairs=True,
        )
