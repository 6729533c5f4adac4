"""A model that computes something else is another model, whatever of it has changed."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from molbench.evaluation.external.identity import identity
from molbench.evaluation.external.standalone import Molecule
from molbench.evaluation.external.wrap import wrap
from tests.rooms import ROOT

SCALE = 2.0


def doubled(value: float) -> float:
    return value * SCALE


def sizes(molecules: Sequence[Molecule]) -> list[list[float]]:
    return [[doubled(len(molecule.positions))] for molecule in molecules]


class Net(nn.Module):
    """What it computes depends on weights, on a number, and on a layer that PyTorch does not know of."""

    def __init__(self, cutoff: float = 5.0) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.layer = nn.Linear(2, 2)
        self.hidden = [nn.Linear(1, 1)]
        self.register_buffer("centres", torch.arange(3.0), persistent=False)
        for weight in (*self.parameters(), *self.hidden[0].parameters()):
            nn.init.ones_(weight)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        return (z[:, None] * pos.norm(dim=1, keepdim=True)).clamp(max=self.cutoff)


class Other(Net):
    pass


class Encoder:
    def __init__(self, width: int) -> None:
        self.width = width

    def encode(self, smiles: list[str]) -> list[list[int]]:
        return [[len(text)] * self.width for text in smiles]


def scaled(scale: float) -> Callable[[Sequence[Molecule]], list[list[float]]]:
    return lambda molecules: [[scale * len(molecule.positions)] for molecule in molecules]


def changed(change: Callable[[Any], Any]) -> Net:
    net = Net()
    with torch.no_grad():
        change(net)
    return net


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Net(5.0), Net(6.0)),
        (Net(), Other()),
        (Net(), changed(lambda net: net.layer.weight.add_(1))),
        (Net(), changed(lambda net: net.hidden[0].weight.add_(1))),
        (Net(), changed(lambda net: net.centres.add_(1))),
        (scaled(1.0), scaled(2.0)),
        (partial(sizes, 1), partial(sizes, 2)),
        (Encoder(1).encode, Encoder(2).encode),
        (sizes, doubled),
    ],
    ids=["attribute", "class", "weight", "hidden", "buffer", "closure", "partial", "method", "function"],
)
def test_what_changes_the_answers_changes_the_identity(first: Any, second: Any) -> None:
    assert identity(first) == identity(first)
    assert identity(first) != identity(second)


def test_constants_and_functions_of_the_module_belong_to_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(sizes)
    monkeypatch.setattr(f"{__name__}.SCALE", 3.0)
    assert identity(sizes) != before
    monkeypatch.undo()
    monkeypatch.setattr(f"{__name__}.doubled", abs)
    assert identity(sizes) != before


def test_what_changes_no_answer_leaves_the_identity() -> None:
    net = Net()
    before = identity(net)
    net.train()
    net.limits = {"max_atoms": 9}  # type: ignore[assignment]
    assert identity(net) == before == identity(Net())


@pytest.mark.slow
def test_every_process_has_the_same_identity(tmp_path: Path) -> None:
    code = (
        "from tests.evaluation.test_model_identity import *; print(identity(nn.Sequential(Net(), Other())))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=240, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(told) == 1


def test_a_function_that_changes_its_molecules_changes_no_others() -> None:
    def centred(molecules: Sequence[Molecule]) -> list[np.ndarray]:
        for molecule in molecules:
            np.multiply(molecule.positions, 2, out=molecule.positions)
        return [molecule.positions.std(axis=0) for molecule in molecules]

    before = wrap(sizes).digest
    assert wrap(centred).digest == wrap(centred).digest
    assert wrap(sizes).digest == before
