"""One file in its folder is all that it takes to add a backbone, method, parser or split generator."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes.checkout import Checkout

pytestmark = pytest.mark.slow

BACKBONE = '''
    """Atoms that see how far away the others are."""

    from dataclasses import dataclass

    import torch
    from torch import nn

    from molbench.backbones.base import GeometryBackbone, Representation
    from molbench.graph.neighbors import all_pairs
    from molbench.graph.scatter import mean_atoms


    @dataclass(frozen=True)
    class CrowdConfig:
        """Settings."""

        width: int = 64


    class Crowd(GeometryBackbone[CrowdConfig]):
        """Elements, and Gaussians of the distances of all other atoms."""

        name = "crowd++"

        @classmethod
        def small(cls):
            return {"width": 8}

        def __init__(self, config=None):
            super().__init__(config)
            self.width = self.config.width
            self.elements = nn.Embedding(119, self.width)
            self.centres = nn.Parameter(torch.linspace(0, 5, self.width))

        def neighbors(self, batch):
            return all_pairs(batch.ptr)

        def forward(self, batch, edges=None, *, vectors=False):
            edges = edges or self.neighbors(batch)
            near = torch.exp(-((edges.distances(batch.positions)[:, None] - self.centres) ** 2))
            x = self.elements(batch.atomic_numbers)
            x = (
                x.index_add(0, edges.source, near * x[edges.target])
                + x.index_add(0, edges.target, near * x[edges.source])
            )
            return Representation(x, mean_atoms(x, batch))
'''

METHOD = '''
    """Counting: how many atoms a molecule has (made up; a paper would stand here as arXiv 0000.00000)."""

    from dataclasses import dataclass

    from torch import nn

    from molbench.methods.base import Method


    @dataclass(frozen=True)
    class CountingConfig:
        """Settings."""

        weight: float = 1.0


    class Counting(Method[CountingConfig, None]):
        """Squared error of the number of atoms.

        Equation:
            w (f(x) - n)^2
        """

        name = "counting"

        def __init__(self, backbone, config=None):
            super().__init__(backbone, config)
            self.head = nn.Linear(backbone.width, 1)

        def loss_given(self, batch, draws):
            error = self.head(self.backbone(batch).graph).squeeze(-1) - batch.sizes
            return self.config.weight * error.square().mean(), {}
'''

SETTINGS = """
    variants:
      intended:
        training: {batch_size: 8, lr: 1e-3}
        epochs: 1
      faithful:
        method: {weight: 2.0}
        training: {batch_size: 8, lr: 1e-3}
        epochs: 1
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_a_backbone_and_a_method(checkout: Checkout) -> None:
    checkout.write("molbench/backbones/crowd.py", BACKBONE)
    checkout.write("molbench/methods/counting.py", METHOD)
    checkout.write("molbench/methods/configs/counting.yaml", SETTINGS)
    assert "crowd++" in checkout.molbench("list", "backbones")
    assert "counting" in checkout.molbench("list", "methods")
    pretrain = ("pretrain", "counting", "--backbone", "crowd++", "--data", "xtb-molecules", "--steps", "3")
    checkout.molbench(*pretrain, "--variant", "faithful", "--output", "c.pt")
    assert "counting" in checkout.molbench("list", "stages", "c.pt")
    scores = checkout.molbench("evaluate", "c.pt", "-t", "xtb-molecules/gap", "--seeds", "1", "--no-scratch")
    assert "xtb-molecules/gap" in scores


def test_conformance_tests_find_them(checkout: Checkout) -> None:
    checkout.write("molbench/backbones/crowd.py", BACKBONE)
    checkout.write("molbench/methods/counting.py", METHOD)
    checkout.write("molbench/methods/configs/counting.yaml", SETTINGS)
    tests = checkout.conformance(
        "crowd or counting",
        *("tests/backbones/test_conformance.py", "tests/training/test_checkpoint.py"),
        *("tests/methods/test_conformance.py", "tests/methods/test_learning.py"),
    )
    assert {"test_symmetries", "test_round_trip", "test_every_variant_can_be_trained"} <= tests
    assert {"test_the_intended_variant_is_the_default", "test_the_loss_of_a_few_records_falls"} <= tests


def test_a_name_that_is_taken(checkout: Checkout) -> None:
    checkout.write("molbench/methods/counting.py", METHOD)
    checkout.write("molbench/backbones/another.py", "class Another:\n    name = 'schnet'\n")
    pretrain = ("--data", "xtb-molecules", "--steps", "1", "--output", "c.pt", "--backbone")
    refusal = checkout.refusal("pretrain", "counting", *pretrain, "schnet")
    assert "backbone 'schnet' is claimed by molbench.backbones.another:Another and by" in refusal
    refusal = checkout.refusal("pretrain", "countin", *pretrain, "painn")
    assert "unknown method 'countin' (did you mean 'counting'?)" in refusal
    checkout.molbench("pretrain", "counting", *pretrain, "painn")


def test_a_parser_and_a_split_generator(checkout: Checkout) -> None:
    checkout.write(
        "molbench/data/build/parsers/lines.py",
        '''
        """Diatomics, a line each: name, two symbols, distance in Å, label."""

        from dataclasses import dataclass

        from molbench.data.build.parsers.base import Parser, only_file
        from molbench.data.build.parsers.collector import Collector
        from molbench.data.build.parsers.columns import record_schema
        from molbench.data.build.parsers.elements import atomic_number
        from molbench.data.build.parsers.text import decimals


        @dataclass(frozen=True)
        class Lines(Parser):
            """One record a line."""

            name = "lines"
            label: str

            def schema(self):
                return record_schema(self.label)

            def bounds(self, files, count):
                return [0, 1]

            def read(self, shard):
                path = only_file(shard.files, suffixes=(".lines",), what="the lines")
                chunk = Collector(self.schema())
                for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                    name, *atoms, distance, label = line.split()
                    where = f"{path.name}, line {number}"
                    with chunk.record(name.decode(), where):
                        x, value = decimals([distance, label])
                        atoms = [atomic_number(atom) for atom in atoms]
                        positions = [0, 0, 0, x, 0, 0]
                        values = {"atomic_numbers": atoms, "positions": positions, self.label: value}
                        chunk.add(name.decode(), where, **values)
                    yield from chunk.when_full()
                yield chunk.take()
        ''',
    )
    checkout.write(
        "molbench/data/build/splits/remainder.py",
        '''
        """Split schemes that count."""

        import numpy as np

        from molbench.data.build.splits.assign import splitter


        @splitter("by-remainder")
        def by_remainder(keys, *, parts, **_):
            """Every so many records one for validation and one for test."""
            place = np.arange(len(keys)) % parts
            return np.where(place == 0, "test", np.where(place == 1, "validation", "train"))
        ''',
    )
    checkout.write(
        "datasets/diatomics/dataset.yaml",
        """
        name: diatomics
        version: 1.0.0
        title: Diatomics
        summary: Made up.
        record: molecule
        licence: CC0
        citation: []
        parser: lines
        options: {label: energy}
        identity: id
        records: 40
        sources: {lines: {filename: a.lines}}
        targets: {energy: {unit: eV, description: Made up.}}
        """,
    )
    checkout.write(
        "datasets/diatomics/splits.yaml",
        "schemes: {counted: {generator: by-remainder, parameters: {parts: 4}, description: Made up.}}",
    )
    checkout.write(
        "datasets/diatomics/tasks.yaml",
        "tasks: {energy: {kind: regression, target: energy, unit: eV, metrics: [mae], scheme: counted, "
        "version: 1, why: Made up.}}",
    )
    lines = "".join(f"d{i} C O {1 + i / 100} {-i / 10}\n" for i in range(40))
    checkout.write("raw/a.lines", lines)
    checkout.molbench("data", "build", "diatomics", "--raw", "raw")
    assert "diatomics" in checkout.molbench("list", "tasks", "diatomics/*")
    show = "import molbench; print(molbench.load_dataset('diatomics', 'counted').num_rows)"
    assert checkout.run("-c", show).stdout == "{'train': 20, 'validation': 10, 'test': 10}\n"
    checkout.write("raw/a.lines", lines.replace("d7 C O", "d7 C Q"))
    assert "line 8: unknown element 'Q'" in checkout.refusal("data", "build", "diatomics", "--raw", "raw")


def test_another_package_adds_and_cannot_replace(checkout: Checkout) -> None:
    checkout.write("crowds/__init__.py", BACKBONE)
    checkout.write("crowds-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: crowds\nVersion: 1.0\n")
    checkout.write(
        "crowds-1.0.dist-info/entry_points.txt",
        "[molbench.backbones]\ncrowd++ = crowds:Crowd\npainn = crowds:Crowd\n",
    )
    pretrain = ("pretrain", "distance-prediction", "--data", "xtb-molecules", "--steps", "2", "--backbone")
    checkout.molbench(*pretrain, "crowd++", "--output", "c.pt")
    refusal = checkout.refusal(*pretrain, "painn", "--output", "d.pt")
    assert "'painn' is claimed by molbench.backbones.painn:PaiNN and by crowds:Crowd" in refusal
    assert "crowd++" in checkout.molbench("list", "backbones", "crowd*")


@pytest.mark.parametrize(
    ("listing", "never"),
    [
        ("molbench.backbones:BACKBONES", "torch pyarrow rdkit"),
        ("molbench.methods:METHODS", "torch pyarrow rdkit"),
        ("molbench.metrics:METRICS", "torch torchmetrics pyarrow"),
        ("molbench.executors:EXECUTORS", "torch ray submitit"),
        ("molbench.generate:GENERATORS", "torch ase tblite pyscf"),
        ("molbench.data.build.parsers:PARSERS", "torch rdkit datasets"),
        ("molbench.data.build.splits:SPLITTERS", "torch rdkit datasets sklearn"),
        ("molbench.spec.tasks:TASK_KINDS", "torch pyarrow"),
        ("molbench.releases:RELEASES", "torch"),
    ],
)
def test_listing_imports_nothing_heavy(listing: str, never: str) -> None:
    module, name = listing.split(":")
    code = f"import sys; from {module} import {name} as r; assert list(r); print(*set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    assert not set(never.split()) & set(result.stdout.split())
