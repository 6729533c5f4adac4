"""What is true of every class of batches: it is a ``Batch``, and moving it loses nothing."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.pairs import PairBatch
from molbench.methods.mrl3d.reader import ConformerPairBatch
from molbench.testing import example_batch
from tests.backbones.relational_pairs import example_pairs

SIZES = ((5, 3), (1, 4), (7, 1))
TARGETS = {"y": torch.arange(3.0, dtype=torch.float64)}
ROWS = torch.tensor([4, 0, 2])


def molecules() -> MoleculeBatch:
    return example_batch([size for size, _ in SIZES], dtype=torch.float32).replace(
        targets=TARGETS,
        rows=ROWS,
        forces=torch.randn(13, 3),
        bonds=torch.tensor([[0, 1], [6, 7]]),
        is_ligand=torch.arange(13) % 2 == 0,
    )


def molecules_of_pairs() -> MoleculeBatch:
    batch = example_batch([size for both in SIZES for size in both], dtype=torch.float32)
    return batch.replace(molecules_per_record=2, targets=TARGETS, rows=ROWS)


def graphs_of_pairs() -> PairBatch:
    return example_pairs(SIZES, dtype=torch.float32).replace(targets=TARGETS, rows=ROWS)


def pairs_in_space() -> ConformerPairBatch:
    a, b = (example_batch([size[side] for size in SIZES], dtype=torch.float32) for side in (0, 1))
    return ConformerPairBatch(graphs_of_pairs(), a, b)


EXAMPLES = [molecules, molecules_of_pairs, graphs_of_pairs, pairs_in_space]
every_class = pytest.mark.parametrize("example", EXAMPLES)


def tensors(value: Any, name: str = "batch") -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a batch by the way to it."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from tensors(entry, f"{name}.{key}")
    elif is_dataclass(value):
        for entry in fields(value):
            yield from tensors(getattr(value, entry.name), f"{name}.{entry.name}")


@every_class
def test_it_is_a_batch(example: Callable[[], Batch]) -> None:
    batch = example()
    assert isinstance(batch, Batch)
    assert batch.num_records == len(SIZES)
    assert batch.num_graphs % batch.num_records == 0
    assert batch.rows is ROWS and batch.targets is TARGETS


@every_class
def test_moving_loses_nothing(example: Callable[[], Batch]) -> None:
    batch = example()
    before = dict(tensors(batch))
    moved = batch.to("cpu", torch.float64)
    assert type(moved) is type(batch) and moved.num_records == batch.num_records
    after = dict(tensors(moved))
    assert after.keys() == before.keys()
    for name, value in after.items():
        assert torch.equal(value, before[name].to(value.dtype)), name
        # Whatever is measured or computed takes the precision asked for; labels had it already.
        assert value.dtype == (torch.float64 if value.is_floating_point() else before[name].dtype), name
    single = dict(tensors(batch.to("cpu", torch.float32)))
    assert {name for name, value in single.items() if value.dtype == torch.float64} == {
        name for name in single if ".targets." in name
    }
    assert {name for name, value in tensors(batch.to("meta")) if not value.is_meta} == set()


def test_every_field_is_in_an_example() -> None:
    full = {name for name, _ in tensors(molecules())} | {"batch.molecules_per_record"}
    assert {f"batch.{field.name}" for field in fields(MoleculeBatch)} - {"batch.targets"} <= full


@pytest.mark.parametrize("example", [molecules, molecules_of_pairs])
def test_collated_pieces_are_the_whole(example: Callable[[], MoleculeBatch]) -> None:
    batch = example()
    whole = MoleculeBatch.collate([batch, batch.replace(rows=batch.rows + 5)])
    assert whole.num_records == 2 * batch.num_records
    assert whole.rows.tolist() == [4, 0, 2, 9, 5, 7]
    for name, value in tensors(MoleculeBatch.collate([batch])):
        assert torch.equal(value, dict(tensors(batch))[name]), name
    for name, value in tensors(whole):
        pieces = dict(tensors(batch))[name]
        if name == "batch.ptr":
            expected = torch.cat([pieces, pieces[1:] + pieces[-1]])
        elif name == "batch.bonds":
            expected = torch.cat([pieces, pieces + batch.num_atoms])
        elif name == "batch.rows":
            expected = torch.cat([pieces, pieces + 5])
        else:
            expected = torch.cat([pieces, pieces])
        assert torch.equal(value, expected), name


def test_molecules_carry_the_labels_of_their_record() -> None:
    batch = molecules_of_pairs()
    assert batch.to_pyg().y.tolist() == [0, 0, 1, 1, 2, 2]
