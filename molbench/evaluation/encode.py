"""``molbench.embed``: vectors of molecules that are given as SMILES or as atoms in space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from molbench.backbones.base import geometry_encoder
from molbench.chem.conformers import embed_conformer as conformer
from molbench.errors import UserError, quoted
from molbench.graph.molecules import MoleculeBatch
from molbench.torch_defaults import torch_defaults
from molbench.training.checkpoint import Checkpoint

_BATCH = 128


@runtime_checkable
class AtomsLike(Protocol):
    """Atoms in space, as those of ASE are."""

    def get_atomic_numbers(self) -> Any:
        """Nuclear charges, [n]."""

    def get_positions(self) -> Any:
        """Coordinates in Å, [n, 3]."""


#: Nuclear charges [n], coordinates [n, 3] in Å, and bonds [k, 2] where they are known.
_Geometry = tuple[np.ndarray, np.ndarray, np.ndarray | None]


@torch_defaults()
def embed(
    checkpoint: str | Path | Checkpoint,
    molecules: str | AtomsLike | Sequence[str | AtomsLike | tuple[Any, Any]],
) -> np.ndarray:
    """One vector a molecule from a checkpoint's encoder.

    Args:
        checkpoint: A file, or what was loaded from one.
        molecules: SMILES, atoms of ASE (whatever has ``get_atomic_numbers`` and ``get_positions``), or pairs
            of nuclear charges [n] and coordinates [n, 3] in Å; one or many of them. A SMILES gets its
            hydrogens and one ETKDG conformer, always the same.

    Returns:
        [m, F] float32, in the order given; m is 1 for a single molecule.

    Raises:
        UserError: If the checkpoint is none, or encodes no geometries; if a molecule cannot be read, has no
            conformer or an element that is not known to the encoder, naming its place.

    Examples:
        >>> import molbench
        >>> checkpoint = molbench.pretrain(
        ...     "distance-prediction", backbone="schnet", data="xtb-molecules", steps=2, output="small.pt",
        ...     overrides={"backbone": {"width": 16}},
        ... )
        >>> molbench.embed("small.pt", ["CCO", "c1ccccc1"]).shape
        (2, 16)
    """
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint.load(Path(checkpoint))
    encoder = geometry_encoder(loaded.build().eval(), "embedding single molecules")
    single = isinstance(molecules, str | AtomsLike) or _is_pair(molecules)
    given: Sequence[Any] = [molecules] if single else list(molecules)  # type: ignore[arg-type]
    if not given:
        return np.empty((0, encoder.width), np.float32)
    geometries = [_geometry(i, molecule, encoder.largest_element) for i, molecule in enumerate(given)]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder = encoder.to(device)
    with torch.no_grad():
        vectors = [encoder(batch.to(device)).graph.float().cpu() for batch in _batches(geometries)]
    features = torch.cat(vectors).numpy()
    if wrong := np.flatnonzero(~np.isfinite(features).all(axis=1)).tolist():
        raise UserError(f"molecule {wrong[0]}: the encoder gives no finite vector")
    return features


def _is_pair(given: object) -> bool:
    """Whether it is one molecule of charges and coordinates, not two molecules."""
    return isinstance(given, tuple) and len(given) == 2 and np.ndim(given[1]) == 2 and np.ndim(given[0]) == 1


def _geometry(i: int, molecule: object, heaviest: int) -> _Geometry:
    bonds = None
    if isinstance(molecule, str):
        numbers, positions, bonds = _of_smiles(i, molecule)
    elif isinstance(molecule, AtomsLike):
        numbers, positions = molecule.get_atomic_numbers(), molecule.get_positions()
    elif _is_pair(molecule):
        numbers, positions = molecule  # type: ignore[misc]
    else:
        raise UserError(
            f"molecule {i}: {quoted(molecule)} is no SMILES, no atoms, no charges with coordinates"
        )
    numbers, positions = np.asarray(numbers, np.int64), np.asarray(positions, np.float32)
    if positions.shape != (numbers.size, 3) or numbers.size == 0:
        raise UserError(f"molecule {i}: {numbers.size} nuclear charges, coordinates {positions.shape}")
    if not np.isfinite(positions).all():
        raise UserError(f"molecule {i}: coordinates that are not finite")
    if not 1 <= numbers.min() <= numbers.max() <= heaviest:
        wrong = next(int(z) for z in numbers if not 1 <= z <= heaviest)
        raise UserError(f"molecule {i}: the encoder has no features for nuclear charge {wrong}")
    return numbers, positions, bonds


def _of_smiles(i: int, smiles: str) -> _Geometry:
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        skeleton = Chem.MolFromSmiles(smiles)
    if skeleton is None or skeleton.GetNumAtoms() == 0:
        raise UserError(f"molecule {i}: {quoted(smiles)} is no SMILES that RDKit can read")
    molecule = Chem.AddHs(skeleton)
    made = conformer(molecule)
    if made.outcome.startswith("failed"):
        raise UserError(f"molecule {i}: {quoted(smiles)} has no conformer ({made.outcome})")
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    return numbers, made.positions, np.array(bonds, np.int64).reshape(-1, 2)


def _batches(geometries: Sequence[_Geometry]) -> Iterator[MoleculeBatch]:
    for start in range(0, len(geometries), _BATCH):
        part = geometries[start : start + _BATCH]
        ptr = np.concatenate([[0], np.cumsum([numbers.size for numbers, _, _ in part])])
        known = [
            bonds + first for (_, _, bonds), first in zip(part, ptr[:-1], strict=True) if bonds is not None
        ]
        yield MoleculeBatch(
            torch.from_numpy(np.concatenate([numbers for numbers, _, _ in part])),
            torch.from_numpy(np.concatenate([positions for _, positions, _ in part])),
            torch.from_numpy(ptr),
            bonds=torch.from_numpy(np.concatenate(known)) if len(known) == len(part) else None,
        )
