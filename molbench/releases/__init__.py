"""Weights that others published, as checkpoints of ours.

A release is one file with a :class:`~molbench.releases.base.Release`: names, layout and settings of one code
base. Other packages add theirs through the entry-point group ``molbench.releases``. Importing this package
imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from molbench.releases.base import Release

RELEASES: Registry[type[Release]] = Registry("release", __name__, "molbench.releases")

__all__ = ["RELEASES", "from_released", "released_name"]


def from_released(backbone: str, state: Mapping[str, Tensor], *, heads: int = 8) -> dict[str, Tensor]:
    """A released state dict of an encoder with our names and order, ready for ``load_state_dict``.

    Args:
        backbone: As registered, or ``gated-head`` for the output networks of ``torchmd-et``.
        state: Released name to parameter, or to its gradient.
        heads: Attention heads of ``torchmd-et``, which no shape tells.

    Raises:
        UserError: If no release has such an encoder.
    """
    return _release_of(backbone).translate(backbone, state, heads)


def released_name(backbone: str, name: str) -> str | None:
    """Our name of a released parameter of an encoder, None where we have none.

    Raises:
        UserError: If no release has such an encoder.
    """
    return _release_of(backbone).our_name(backbone, name)


def _release_of(backbone: str) -> Release:
    for release in RELEASES.values():
        if backbone in release.names:
            return release()
    raise UserError(f"no release has an encoder '{backbone}'")
