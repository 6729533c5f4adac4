"""3DMRL: an encoder of pairs of 2-D graphs learns from a solvent shell of the pair in space.

NeurIPS 2025 (arXiv 2412.02957), equation 7: the vector of a pair is contrasted with that of its shell,
and from the 2-D features of its atoms the direction is predicted in which every atom of a copy lies from its
anchor. The encoder needs no conformer afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from molbench.backbones.pairs.base import PairBackbone, PairRepresentation
from molbench.backbones.pairs.contrast import nt_xent
from molbench.backbones.schnet import SchNetConfig
from molbench.errors import UserError
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.mrl3d.local_frames import LocalFrameHead
from molbench.methods.mrl3d.reader import ConformerPairBatch, ConformerPairReader
from molbench.methods.mrl3d.shell_encoder import ShellEncoder
from molbench.methods.mrl3d.solvent_shell import SolventShell, SolventShellDraws, draw_shells, surround
from molbench.spec.config import Dropout, Share

if TYPE_CHECKING:
    from molbench.data.read.store import Store

# The subset of pairs is part of the setting, not of a run.
_SUBSET_SEED = 0


@dataclass(frozen=True)
class MRL3DConfig:
    """Settings of :class:`MRL3D`; from ``max_neighbors`` to ``force_epsilon`` quirks of the release, off.

    Attributes:
        copies: Copies of the second molecule at most; 0 is the control that shows the bare first molecule,
            without a force loss.
        temperature: Of the contrastive loss.
        alpha: Weight of the force loss.
        projection: Features of the vectors that are contrasted, and of atoms in the 3-D encoder.
        filters: Features of a filter of the 3-D encoder.
        interactions: Its blocks.
        gaussians: Size of its distance basis.
        cutoff: Its radius in Å.
        hidden: Features inside the force head.
        edge_hidden: Width of its layer on the atoms of a bond.
        dropout: Of the force head.
        max_neighbors: Cap on the neighbours of an atom in the shell, None for all of them.
        wrong_anchors: Take anchors among the first atoms instead of those in no ring.
        frozen_head: Leave the force head as it is initialised.
        absolute_frames: Frames of bonds from the origin of coordinates instead of the centre of the first
            molecule, so that the head depends on where the pair lies.
        exclude_positive: Leave the true partner out of the denominator of the contrastive loss.
        force_epsilon: Added to distances from anchors, Å.
        combine: Pretrain on combinations of any two molecules of the training records instead of on the
            records.
        share: Of the combinations or records that are used, drawn once.
        positives: Column in which records must be labelled 1 to be used, None for all.
    """

    copies: NonNegativeInt = 5
    temperature: PositiveFloat = 0.2
    alpha: NonNegativeFloat = 0.1
    projection: PositiveInt = 64
    filters: PositiveInt = 128
    interactions: PositiveInt = 6
    gaussians: Annotated[int, Field(ge=2)] = 50
    cutoff: PositiveFloat = 5.0
    hidden: PositiveInt = 56
    edge_hidden: PositiveInt = 56
    dropout: Dropout = 0.1
    max_neighbors: PositiveInt | None = None
    wrong_anchors: bool = False
    frozen_head: bool = False
    absolute_frames: bool = False
    exclude_positive: bool = False
    force_epsilon: NonNegativeFloat = 0.0
    combine: bool = True
    share: Share = 0.01
    positives: str | None = None


class MRL3D(Method[MRL3DConfig, SolventShellDraws, ConformerPairBatch, PairBackbone]):
    r"""Contrast and force directions.

    Equation:
        \mathcal L = C(\hat g, \hat q) + C(\hat q, \hat g) + \alpha\, \frac{1}{P}\sum_{i} \lVert \hat
            f_i - f_i \rVert^2, \qquad \hat q_m \text{ of the shell}
        C(a, b) = -\left\langle \log \frac{\exp(\cos(a_m, b_m) / \tau)}{\sum_n \exp(\cos(a_m, b_n) /
            \tau)} \right\rangle, \qquad f_i = \frac{x_i - x_{\text{anchor}(i)}}{\lVert x_i -
            x_{\text{anchor}(i)} \rVert}

    Args:
        backbone: Encoder of pairs.
        config: Settings.

    Raises:
        UserError: If the encoder reads no pairs, or reads them without hydrogens.
    """

    name = "3dmrl"
    inputs = "pairs"
    smallest_batch = 2

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`; any pairs do, and no dropout draws from the global generator."""
        sizes = {"projection": 16, "filters": 16, "gaussians": 16, "hidden": 16, "edge_hidden": 16}
        return {"copies": 1, "interactions": 2, "dropout": 0.0, "positives": None, **sizes}

    def __init__(self, backbone: PairBackbone, config: MRL3DConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        if not backbone.hydrogens:
            raise UserError("'3dmrl' places every atom: pretrain with hydrogens=true, fine-tune as you like")
        self.projector = nn.Linear(backbone.width, config.projection)
        self.shell_encoder = ShellEncoder(
            SchNetConfig(
                width=config.projection,
                filters=config.filters,
                interactions=config.interactions,
                gaussians=config.gaussians,
                cutoff=config.cutoff,
                max_neighbors=config.max_neighbors,
            ),
            config.copies,
        )
        if config.copies:
            self.head = LocalFrameHead(backbone.atom_width, config.hidden, config.edge_hidden, config.dropout)
            self.head.requires_grad_(not config.frozen_head)

    def reader(self, store: Store) -> ConformerPairReader:
        """Pairs with their conformers."""
        return ConformerPairReader(store, self.backbone.features)

    @property
    def selection(self) -> str:
        """See :meth:`Method.selection`."""
        config = self.config
        labelled = f" labelled {config.positives} = 1" if config.positives else ""
        if not config.combine:
            return f"{config.share:.3g} of all pairs{labelled} (method.share)"
        return (
            f"{config.share:.3g} of all combinations of a first and a second molecule of pairs{labelled} "
            "(method.share, method.combine)"
        )

    def select(self, store: Store, rows: np.ndarray) -> np.ndarray:
        """Rows for :meth:`reader` that are pretrained on; molecules without a conformer are in none of them.

        Args:
            store: A store of pairs.
            rows: Training records, [n].

        Raises:
            UserError: If fewer than two pairs are left, or the column of labels is not there.
        """
        config, reader = self.config, self.reader(store)
        if config.positives is not None:
            if config.positives not in store.table.schema.names:
                raise UserError(
                    f"{store.dataset_id} has no column '{config.positives}' of labels; "
                    "name another with method.positives, or use all pairs with method.positives=null"
                )
            rows = rows[store.target(config.positives)[rows] == 1]
        if config.combine:
            selected = reader.embedded(reader.combinations(rows, config.share, _SUBSET_SEED))
        else:
            rows = reader.embedded(rows)
            size = math.ceil(config.share * len(rows))
            selected = np.sort(np.random.default_rng(_SUBSET_SEED).choice(rows, size, replace=False))
        if len(selected) < 2:
            raise UserError(
                f"{store.dataset_id}: pairs to pretrain on: {len(selected)}, and '3dmrl' needs two: "
                "raise method.share"
            )
        return selected

    def draw(self, batch: ConformerPairBatch, generator: torch.Generator) -> SolventShellDraws:
        """See :meth:`Method.draw`."""
        return draw_shells(batch.a, self.config.copies, generator)

    def loss_given(
        self, batch: ConformerPairBatch, draws: SolventShellDraws
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs both directions of the contrast and the force loss.

        Dropout alone draws from the global generator.

        Raises:
            UserError: If there is one pair only, and nothing to contrast it with.
        """
        config = self.config
        if batch.num_graphs < 2:
            raise UserError("3DMRL contrasts pairs with each other: give batches of two or more")
        shell = self.surround(batch, draws)
        encoded = self.backbone.encode(batch.pairs)
        of_pair, of_shell = self.projector(encoded.graph), self.shell_encoder(shell, batch.b)
        exclude, tau = config.exclude_positive, config.temperature
        forth = nt_xent(of_pair, of_shell, tau, exclude_positive=exclude)
        back = nt_xent(of_shell, of_pair, tau, exclude_positive=exclude)
        logs = {"2d_to_3d": forth.detach(), "3d_to_2d": back.detach()}
        if not len(shell.placed):
            return forth + back, logs
        vectors = self.predict_forces(batch, shell, encoded)
        force = (vectors - shell.forces).square().sum(-1).mean()
        return forth + back + config.alpha * force, logs | {"force": force.detach()}

    def surround(self, batch: ConformerPairBatch, draws: SolventShellDraws) -> SolventShell:
        """The shells of the pairs of a batch."""
        # In both featurisations the last bit of an atom says that it is in a ring.
        in_ring = batch.pairs.a.atoms[:, -1] > 0
        config = self.config
        return surround(
            batch.a,
            batch.b,
            in_ring,
            draws,
            wrong_anchors=config.wrong_anchors,
            epsilon=config.force_epsilon,
        )

    def predict_forces(
        self, batch: ConformerPairBatch, shell: SolventShell, encoded: PairRepresentation
    ) -> Tensor:
        """Vectors of placed atoms, [P, 3]."""
        positions = shell.positions[shell.placed]
        if not self.config.absolute_frames:
            centre = mean_atoms(batch.a.positions, batch.a)
            positions = positions - centre[batch.a.molecule[shell.anchor]]
        bonds = placed_bonds(shell, batch.pairs.b.bonds, batch.b.num_atoms, self.config.copies)
        vectors: Tensor = self.head(encoded.b_atoms, encoded.scalars, shell, positions, bonds)
        return vectors


def placed_bonds(shell: SolventShell, bonds: Tensor, atoms: int, copies: int) -> Tensor:
    """The bonds inside all copies in one direction, as indices of placed atoms, [2, U].

    Args:
        shell: P placed atoms.
        bonds: Of the solvents, each once, [K, 2].
        atoms: Of all solvents.
        copies: Of a solvent at most.
    """
    number = torch.arange(len(shell.placed), device=bonds.device)
    table = number.new_full((atoms, copies), -1)
    table[shell.origin, shell.slot] = number
    once = table[bonds].transpose(1, 2).flatten(0, 1)
    return once[once[:, 0] >= 0].t()
