"""MolSpectra (commit 8846530e): TorchMD-NET's transformer beside an encoder of spectra."""

from collections.abc import Sequence
from typing import ClassVar

from molbench.releases.torchmd_net import TorchMDNetRelease


class MolSpectraRelease(TorchMDNetRelease):
    """The equivariant transformer; the encoder of spectra is left out."""

    name = "molspectra"
    title = "MolSpectra (AzureLeon1/MolSpectra)"
    rest: ClassVar[Sequence[str]] = (*TorchMDNetRelease.rest, r"representation_spec_model\..*")
