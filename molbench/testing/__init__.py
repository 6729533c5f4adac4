"""Laws every backbone, method and metric must obey, as assertions that other packages can use on theirs.

All of them raise ``AssertionError`` with what differs and by how much.
"""

from molbench.testing.forces import assert_conservative
from molbench.testing.methods import assert_method
from molbench.testing.metrics import assert_metric
from molbench.testing.molecules import example_batch, random_rotation, with_random_labels
from molbench.testing.small import small_backbone, small_method
from molbench.testing.symmetry import assert_batch_independent, assert_equivariant, assert_permutable

__all__ = [
    "assert_batch_independent",
    "assert_conservative",
    "assert_equivariant",
    "assert_method",
    "assert_metric",
    "assert_permutable",
    "example_batch",
    "random_rotation",
    "small_backbone",
    "small_method",
    "with_random_labels",
]
