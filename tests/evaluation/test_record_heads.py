"""What a protocol puts behind an encoder, on every kind of record."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.backbones.heads.physical import DipoleHead, SpatialExtentHead
from molbench.backbones.heads.values import EnergyHead, energy_and_forces, halving
from molbench.data.build.builder import build
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation import evaluate
from molbench.evaluation.data import TaskData
from molbench.evaluation.heads import ComplexHead, PropertyHead, RecordHead, energy_head, ligand_and_pocket
from molbench.evaluation.models import ValueModel
from molbench.evaluation.protocols import load_protocol
from molbench.graph.molecules import MoleculeBatch
from molbench.spec.catalogue import Catalogue
from molbench.testing import assert_conservative, assert_equivariant, example_batch
from tests.complex_files import archive, lba_record, lep_record, shrunk

SMALL = {"width": 8, "interactions": 1, "radial": 4}


def painn() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_backbone("painn", SMALL).double().eval()


@cache
def data_of(task: str) -> TaskData:
    (ref,) = Catalogue.load().tasks([task])
    return TaskData.open(ref, Store.open(ref.folder, ref.subset), train=64)


def said(rows: int) -> Representation:
    graph = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Representation(graph, graph)


def records(parts: int) -> MoleculeBatch:
    return example_batch((2, 3, 1, 4)).replace(molecules_per_record=parts)


def exchanged(actual: Representation) -> Representation:
    graph = actual.graph.view(2, 2, -1).flip(1).flatten(0, 1)
    return Representation(graph, graph)


def test_a_pair_without_order_may_be_exchanged_and_one_with_order_not() -> None:
    torch.manual_seed(0)
    layers, actual = halving(8, 3).double(), said(4)
    either, ordered = RecordHead(layers, ordered=False), RecordHead(layers, ordered=True)
    assert either(actual, records(2)).shape == (2, 3)
    torch.testing.assert_close(either(exchanged(actual), records(2)), either(actual, records(2)))
    assert not torch.allclose(ordered(exchanged(actual), records(2)), ordered(actual, records(2)))


def test_two_structures_with_one_layer_are_told_apart_by_hand() -> None:
    """GeoSSL's head for LEP: one layer on the vectors of both structures, the active one first."""
    layer, actual = torch.nn.Linear(8, 1).double(), said(4)
    first, second = actual.graph[0::2], actual.graph[1::2]
    by_hand = first @ layer.weight[0, :4] + second @ layer.weight[0, 4:] + layer.bias
    torch.testing.assert_close(RecordHead(layer)(actual, records(2)).squeeze(1), by_hand)


def complexes() -> MoleculeBatch:
    batch = example_batch((5, 3, 4, 2))
    marks = [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    return batch.replace(is_ligand=torch.tensor(marks, dtype=torch.bool))


def test_ligands_and_pockets_have_vectors_of_their_own() -> None:
    batch = complexes()
    scalars = torch.randn(batch.num_atoms, 4, dtype=torch.float64)
    actual = ligand_and_pocket(scalars, batch)
    for i, (start, stop) in enumerate(pairwise(batch.ptr.tolist())):
        own, marks = scalars[start:stop], batch.is_ligand[start:stop]
        ligand = own[marks].mean(0) if marks.any() else torch.zeros(4).double()
        torch.testing.assert_close(actual[i], torch.cat([ligand, own[~marks].mean(0)]))
    other = ligand_and_pocket(scalars, batch.replace(is_ligand=~batch.is_ligand))
    torch.testing.assert_close(other, actual.roll(4, dims=1))
    with pytest.raises(ValueError, match="is_ligand"):
        ligand_and_pocket(scalars, batch.replace(is_ligand=None))


@pytest.mark.parametrize("parts", [1, 2])
def test_values_of_complexes_are_invariant(parts: int) -> None:
    backbone, batch = painn(), complexes().replace(molecules_per_record=parts)
    torch.manual_seed(1)
    for head in (RecordHead(halving(8 * parts).double()), ComplexHead(halving(16 * parts).double())):

        def values(moved: MoleculeBatch, head: RecordHead = head) -> Representation:
            actual = head(backbone(moved), moved)
            return Representation(actual, actual)

        assert_equivariant(values, batch)


def test_moving_the_ligand_out_of_the_pocket_leaves_nothing_of_the_contact() -> None:
    """Beyond the cutoff a complex is what its parts are alone."""
    backbone, batch = painn(), complexes()
    far = batch.replace(positions=batch.positions + 1000.0 * batch.is_ligand.unsqueeze(1))
    apart = ligand_and_pocket(backbone(far).scalars, far)
    first = batch.molecule == 0
    ligand = first & batch.is_ligand
    alone = MoleculeBatch(batch.atomic_numbers[ligand], batch.positions[ligand], torch.tensor([0, 2]))
    torch.testing.assert_close(apart[0, :8], backbone(alone).scalars.mean(0))
    together = ligand_and_pocket(backbone(batch).scalars, batch)
    assert not torch.allclose(together[0, :8], apart[0, :8])


@pytest.mark.slow
@pytest.mark.parametrize(("target", "kind"), [("mu", DipoleHead), ("r2", SpatialExtentHead)])
def test_physical_heads_answer_in_the_unit_of_the_label(target: str, kind: type) -> None:
    data, backbone = data_of(f"xtb-molecules/{target}"), painn()
    model = ValueModel(backbone, data, head="physical").double().eval()
    assert isinstance(model.head, PropertyHead) and isinstance(model.head.head, kind)
    rows = data.rows["test"][:5]
    batch = data.store.batch(rows).to("cpu", torch.float64)
    outputs, _ = model.predict(batch)
    physical = model.head.head(backbone(batch, vectors=True), batch)
    np.testing.assert_allclose(data.restore(rows, outputs.numpy()), physical.detach().numpy(), rtol=1e-9)


def test_other_targets_are_sums_over_atoms() -> None:
    for task, kind in (("homo", "physical"), ("u0", "atomic"), ("mu", "atomic")):
        model = ValueModel(painn(), data_of(f"xtb-molecules/{task}"), head=kind)
        assert isinstance(model.head, PropertyHead) and type(model.head.head) is EnergyHead
        assert model.head.vectors


@pytest.mark.parametrize("kind", ["standard", "atomic", "physical"])
@pytest.mark.parametrize("name", ["painn", "schnet"])
def test_forces_of_every_kind_are_gradients(kind, name: str) -> None:
    torch.manual_seed(0)
    config = SMALL if name == "painn" else {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4}
    backbone = build_backbone(name, config).double()
    head = energy_head(kind, backbone).double()
    assert head.vectors == (name == "painn" and kind != "standard")
    assert_conservative(
        lambda b: energy_and_forces(backbone, head, b, create_graph=False), example_batch((3,))
    )


def test_heads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="one value to one molecule"):
        ValueModel(painn(), data_of("xtb-dimers/preference"), head="physical")
    with pytest.raises(UserError, match="is_ligand"):
        ValueModel(painn(), data_of("xtb-molecules/mu"), head="complex")


def build_lba(folder: Path) -> None:
    made = [lba_record(i, seq=[["A", "G" * (i + 1)]]) for i in range(20)]
    parts = {"train": made[:12], "val": made[12:16], "test": made[16:]}
    for identity in ("30", "60"):
        name = f"split-by-sequence-identity-{identity}"
        archive(folder / f"LBA-{name}.tar.gz", parts, name)
    build(shrunk("lba", folder, 20), raw=folder, offline=True)


def build_lep(folder: Path) -> None:
    made = [lep_record(i) for i in range(24)]
    parts = {"train": made[:16], "val": made[16:20], "test": made[20:]}
    archive(folder / "LEP-split-by-protein.tar.gz", parts, "split-by-protein")
    build(shrunk("lep", folder, 24), raw=folder, offline=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "make"),
    [
        ("lba/affinity", build_lba),
        ("lep/activity", build_lep),
        ("xtb-dimers/interaction", None),
        ("xtb-dimers/preference", None),
    ],
)
def test_complexes_are_scored_end_to_end(task: str, make, save, tmp_path: Path) -> None:
    if make is not None:
        make(tmp_path)
    checkpoint, values = save(tmp_path / "model.pt"), {}
    protocols = {"probe": load_protocol("probe", ["alphas=[1.0]", "folds=2"])} | {
        head: load_protocol("finetune", ["training.steps=2", "evaluations=1", f"head={head}"])
        for head in ("standard", "linear", "complex")
    }
    for name, protocol in protocols.items():
        report = evaluate(
            [checkpoint],
            [task],
            protocol=protocol,
            seeds=1,
            output=tmp_path / name,
            scratch=False,
            executor="inline",
        )
        assert not report.failures
        values[name] = report.results[0].predictions.prediction
        assert np.isfinite(values[name]).all()
    assert not np.allclose(values["standard"], values["linear"])
    assert not np.allclose(values["standard"], values["complex"])


def test_binding_has_the_recipe_of_geossl() -> None:
    protocol = load_protocol("geossl")
    affinity, efficacy = protocol.on("lba/affinity@identity-60"), protocol.on("lep/activity")
    assert (affinity.loss, affinity.head, affinity.standardise) == ("mse", "standard", False)
    assert (efficacy.loss, efficacy.head, efficacy.standardise) == ("l1", "linear", True)
    assert affinity.training and efficacy.training and protocol.training
    assert (affinity.training.epochs, efficacy.training.epochs, protocol.training.epochs) == (300, 300, 1000)
    assert protocol.on("qm9/homo").head == "standard"
    # What a user sets holds everywhere.
    assert load_protocol("geossl", ["head=linear"]).on("lba/affinity").head == "linear"


def test_another_head_is_another_protocol_and_the_standard_one_leaves_stored_results_alone() -> None:
    assert load_protocol("finetune", ["head=standard"]).name == "finetune"
    assert load_protocol("finetune", ["head=physical"]).name != "finetune"
    assert "head" not in load_protocol("finetune").model_dump()
    with pytest.raises(UserError, match="head"):
        load_protocol("finetune", ["head=square"])
