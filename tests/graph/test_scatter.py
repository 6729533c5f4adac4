import torch

from molbench.graph.scatter import mean_atoms, sum_atoms
from molbench.testing import example_batch


def test_sums_and_means_of_each_molecule() -> None:
    batch = example_batch((2, 1, 3))
    values = torch.tensor([[1.0], [2.0], [5.0], [1.0], [0.0], [-4.0]])
    assert sum_atoms(values, batch).tolist() == [[3.0], [5.0], [-3.0]]
    assert mean_atoms(values, batch).tolist() == [[1.5], [5.0], [-1.0]]
