"""Flat batches and their PyTorch Geometric twins hold the same molecules."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch as PygBatch

from molbench.graph.molecules import MoleculeBatch


def make(sizes: list[int], seed: int = 0) -> MoleculeBatch:
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    return MoleculeBatch(
        torch.randint(1, 10, (n,), generator=generator),
        torch.randn(n, 3, generator=generator),
        torch.tensor([0, *torch.tensor(sizes).cumsum(0).tolist()]),
        {"energy": torch.randn(len(sizes), generator=generator, dtype=torch.float64)},
        torch.randn(n, 3, generator=generator),
        torch.arange(len(sizes)),
    )


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_pyg_batch_is_the_same(sizes: list[int]) -> None:
    batch = make(sizes)
    pyg = batch.to_pyg()
    assert isinstance(pyg, PygBatch) and pyg.num_graphs == batch.num_graphs == len(sizes)
    assert torch.equal(pyg.z, batch.atomic_numbers)
    assert torch.equal(pyg.pos, batch.positions)
    assert torch.equal(pyg.batch, batch.molecule)
    assert torch.equal(pyg.ptr, batch.ptr)
    assert torch.equal(pyg.energy, batch.targets["energy"])
    assert torch.equal(pyg.force, batch.forces)


@settings(deadline=None, max_examples=30)
@given(parts=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=4), min_size=1, max_size=4))
def test_collate_joins_batches_molecule_by_molecule(parts: list[list[int]]) -> None:
    batches = [make(sizes, seed) for seed, sizes in enumerate(parts)]
    joined = MoleculeBatch.collate(batches)
    assert joined.sizes.tolist() == [s for sizes in parts for s in sizes]
    assert torch.equal(joined.positions, torch.cat([b.positions for b in batches]))
    assert joined.num_atoms == sum(map(sum, parts))


def test_moving_changes_coordinates_but_not_labels() -> None:
    batch = make([3, 2])
    moved = batch.to("cpu", torch.float64)
    assert moved.positions.dtype == moved.forces.dtype == torch.float64
    assert moved.targets["energy"].dtype == torch.float64 and moved.ptr.dtype == torch.int64
    assert batch.positions.dtype == torch.float32
