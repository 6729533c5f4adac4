"""Which methods the conformance tests try around which encoders, and on what."""

from __future__ import annotations

import torch

from molbench.backbones import BACKBONES
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import METHODS
from molbench.methods.base import Method
from molbench.testing import example_batch, labelled

# The three kinds of encoder: invariant, equivariant, aware of bonds; every other with two methods, of which
# one differentiates forces.
KINDS = ("schnet", "painn", "egnn")
SMALL: dict[str, dict[str, object]] = {
    "schnet": {"interactions": 2, "width": 32},
    "painn": {"interactions": 2, "width": 32},
    "egnn": {"layers": 2, "width": 32},
    "torchmd-et": {"layers": 2, "width": 32},
    "visnet": {"layers": 2, "width": 32},
    "dimenet++": {"blocks": 1, "width": 32, "hidden": 32},
}
# These predict noise from vectors, which an invariant encoder has not.
RELATIONAL = ("3dmrl",)  # an objective of pairs
DENOISING = ("coord", "frad", "slide", "molspectra")
OTHERS = [name for name, b in BACKBONES.items() if b.inputs == "molecules" and name not in KINDS]
PAIRS = (
    [(name, backbone) for name in METHODS if name not in (*DENOISING, *RELATIONAL) for backbone in KINDS]
    + [(name, backbone) for name in DENOISING for backbone in ("egnn", "torchmd-et")]
    + [(name, backbone) for name in ("geossl-ddm", "emgp") for backbone in OTHERS]
)


def batch_for(method: Method, dtype: torch.dtype = torch.float64) -> MoleculeBatch:
    """Molecules with the labels and spectra that a method asks for."""
    # One molecule is so large that even the smallest share of its atoms, pairs and triples is something.
    batch = labelled(example_batch((5, 1, 13, 2, 5), dtype=dtype), method.columns)
    generator, grids = torch.Generator().manual_seed(0), getattr(method.config, "spectra", {})
    spectra = {
        name: torch.rand(batch.num_graphs, grid["points"], generator=generator)
        for name, grid in grids.items()
    }
    return batch.replace(targets=batch.targets | spectra)
