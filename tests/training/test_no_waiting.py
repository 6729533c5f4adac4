"""A training step reads the device where it must and nowhere else: whoever reads one number waits for all."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import molbench
from molbench.backbones import BACKBONES
from molbench.backbones.heads.values import EnergyHead, energy_and_forces
from molbench.data.read.loader import Loader
from molbench.data.read.store import Store
from molbench.graph import neighbors
from molbench.graph.molecules import MoleculeBatch
from molbench.paths import catalogue_root
from molbench.spec.training import TrainingConfig
from molbench.testing import small_backbone
from molbench.training.step import Stepper

PACKAGE = Path(molbench.__file__).parent
#: How many atoms see each other, or are so many bonds apart, is known to the device alone.
FOUND_ON_THE_DEVICE = {"graph/neighbors.py", "graph/bonds.py", "graph/joins.py"}
LOGGING = "training/step.py"
#: Those that PyG implements read as often as PyG does.
OURS = sorted({name for name in BACKBONES if BACKBONES[name].inputs == "molecules"} - {"dimenet++", "visnet"})
aten = torch.ops.aten
#: Results as large as the values say.
SIZED_BY_VALUES = {aten.nonzero.default, aten._unique2.default, aten.masked_select.default}


class Readings(TorchDispatchMode):
    """Which files of the package read values of the device, or ask it for a size."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.files: Counter[str] = Counter()
        for name in ("tolist", "cpu", "numpy"):  # not dispatched where the device is the CPU
            patch.setattr(Tensor, name, self._counted(getattr(Tensor, name)))
        patch.setattr(neighbors, "usable", lambda *_: False)  # a loop in C reads its sizes, on a CPU only

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.files[_file()] += 1
            return method(*args, **kwargs)

        return counted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        sized = func is aten.repeat_interleave.Tensor and kwargs.get("output_size") is None
        masked = func is aten.index.Tensor and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if func is aten._local_scalar_dense.default or func in SIZED_BY_VALUES or sized or masked:
            self.files[_file()] += 1
        return func(*args, **kwargs)


def _file() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            return path.relative_to(PACKAGE).as_posix()
        frame = frame.f_back
    return "elsewhere"


class Energies(nn.Module):
    """Energies, and forces where they are wanted, of an encoder."""

    def __init__(self, name: str, forces: bool, *, careless: bool = False) -> None:
        super().__init__()
        self.backbone, self.forces, self.careless = small_backbone(name), forces, careless
        self.head = EnergyHead(self.backbone.width)

    def loss(self, batch: MoleculeBatch, _: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Something to train on."""
        if self.forces:
            energies, forces = energy_and_forces(self.backbone, self.head, batch, create_graph=True)
            loss = energies.abs().mean() + forces.abs().mean()
        else:
            energies = self.head(self.backbone(batch), batch)
            loss = energies.abs().mean()
        logged = energies.detach().mean()
        return loss, {"energy": torch.tensor(logged.item()) if self.careless else logged}


def read_in_a_step(module: nn.Module, patch: pytest.MonkeyPatch) -> Counter[str]:
    """What one step of training reads, after one that warms up."""
    store = Store.open(catalogue_root() / "datasets/xtb-molecules")
    config = TrainingConfig(steps=2, batch_size=4, clip_norm=1.0)
    fabric = Fabric(accelerator="cpu", devices=1)
    stepper = Stepper(fabric, module, Loader(store, np.arange(16), 4), config)
    stream = stepper.stream(0)
    stepper.step(0, 1e-3, stream, False)
    with patch.context() as during, Readings(during) as readings:
        stepper.step(1, 1e-3, stream, False)
    return readings.files


@pytest.mark.parametrize("forces", [False, True])
@pytest.mark.parametrize("name", OURS)
def test_a_step_reads_its_log_once_and_the_sizes_of_lists(
    name: str, forces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    read = read_in_a_step(Energies(name, forces), monkeypatch)
    assert read.pop(LOGGING) == 1
    assert read.keys() <= FOUND_ON_THE_DEVICE, read


def test_a_step_that_reads_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_in_a_step(Energies("painn", False, careless=True), monkeypatch)
    assert read.keys() - FOUND_ON_THE_DEVICE > {LOGGING} or read[LOGGING] > 1
