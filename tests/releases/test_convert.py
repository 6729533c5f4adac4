"""Published weight files become checkpoints that compute the same."""

import hashlib
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.releases import RELEASES, released_name
from molbench.releases.convert import convert_release
from molbench.training.checkpoint import Checkpoint
from tests.backbones.relational_pairs import golden_pairs
from tests.golden_files import Golden, read_golden, tolerance
from tests.releases.emgp_weights import egnn
from tests.releases.heads import head_from_released


def batch_of(fixture: Golden, positions: Tensor) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    bonds = fixture.arrays.get("bond_index")
    bonds = None if bonds is None else bonds.t()[bonds[0] < bonds[1]]
    return MoleculeBatch(fixture["z"], positions, ptr, bonds=bonds)


@pytest.mark.parametrize("name", ["3dmgp", "attrmask"])
def test_published_weights_reproduce_the_reference(name: str, golden: Path, tmp_path: Path) -> None:
    file = golden / "published" / f"checkpoint-{name}"
    output = tmp_path / "converted.pt"
    convert_release("3d-emgp", file, output, method={"attrmask": "attr-mask"}.get(name))
    checkpoint = Checkpoint.load(output)
    assert checkpoint.method == {"3dmgp": "3d-emgp", "attrmask": "attr-mask"}[name]
    assert checkpoint.pretraining["converted"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    fixture = read_golden(golden, f"emgp_egnn_{name}_forward")
    backbone = checkpoint.build().double()
    encoded = backbone(batch_of(fixture, fixture["pos"]), vectors=True)
    close = tolerance(torch.float64)
    torch.testing.assert_close(encoded.scalars, fixture["atom_features"], **close)
    assert encoded.vectors is not None
    torch.testing.assert_close(fixture["pos"] + encoded.vectors[..., 0], fixture["coord_output"], **close)


@pytest.mark.parametrize("name", ["schnet", "painn"])
def test_files_as_geossl_writes_them(name: str, golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_forward")
    torch.save({"model": fixture.state("model.")}, tmp_path / "model.pth")
    checkpoint = convert_release("geossl", tmp_path / "model.pth", tmp_path / "converted.safetensors")
    assert checkpoint.backbone == name
    backbone = Checkpoint.load(tmp_path / "converted.safetensors").build().double()
    encoded = backbone(batch_of(fixture, fixture["pos"]))
    torch.testing.assert_close(encoded.scalars, fixture["atom_vectors"], **tolerance(torch.float64))


PAIRS = {
    "cigin": "mi_cigin",
    "mpnn": "mi_mpnn",
    "cgib": "mi_cgib",
    "cgib-cont": "mi_cgib_cont",
    "attentivefp": "mi_attentivefp",
    "gin-cigin": "ddi_gin_cigin",
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_files_as_3dmrl_writes_them(name: str, prefix: str, golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, f"mrl3d_{PAIRS[name]}")
    state = {prefix + key: value for key, value in fixture.state("model.").items()}
    torch.save(state, tmp_path / "model.pt")
    told = {"backbone": "cgib-cont"} if name == "cgib-cont" else {}
    checkpoint = convert_release("3dmrl", tmp_path / "model.pt", tmp_path / "converted.pt", settings=told)
    assert (checkpoint.backbone, checkpoint.method) == (name, "3dmrl")
    backbone = Checkpoint.load(tmp_path / "converted.pt").build().double()
    assert isinstance(backbone, PairBackbone)
    encoded = backbone.encode(golden_pairs(fixture, torch.float64))
    head = backbone.paper_head().double()
    head.load_state_dict(head_from_released(fixture.state("model.")))
    torch.testing.assert_close(head(encoded.graph), fixture["prediction"], **tolerance(torch.float64))


def test_a_file_of_3dmrl_with_more_than_its_encoder_is_refused(golden: Path, tmp_path: Path) -> None:
    state = read_golden(golden, "mrl3d_mi_cigin").state("model.")
    torch.save(state | {"denoiser.weight": torch.ones(1)}, tmp_path / "more.pt")
    with pytest.raises(UserError, match=r"no place for denoiser.weight"):
        convert_release("3dmrl", tmp_path / "more.pt", tmp_path / "c.pt")
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"no rules for the names of a backbone 'resnet'"):
        convert_release("3dmrl", tmp_path / "model.pt", tmp_path / "c.pt", settings={"backbone": "resnet"})
    with pytest.raises(UserError, match=r"do not fit backbone 'cgib'|missing"):
        convert_release("3dmrl", tmp_path / "model.pt", tmp_path / "c.pt", settings={"backbone": "cgib"})
    assert not (tmp_path / "c.pt").exists()


def lightning_file(fixture: Golden, path: Path, **hyper: Any) -> Path:
    """As Lightning stores a module: names below ``model.``, and the settings it was built with."""
    torch.save({"state_dict": fixture.state(""), "hyper_parameters": hyper, "epoch": 3}, path)
    return path


@pytest.mark.parametrize("line", ["md17line", "qm9line"])
def test_files_as_molspectra_writes_them(line: str, golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, f"molspectra_{line}_stage2")
    hyper = {"num_heads": 8, "max_num_neighbors": 32, "layernorm_on_vec": "whitened"}
    file = lightning_file(fixture, tmp_path / "epoch=3.ckpt", **hyper)
    convert_release("molspectra", file, tmp_path / "converted.pt")
    backbone = Checkpoint.load(tmp_path / "converted.pt").build().double()
    assert backbone.config.layer_norms == (line == "qm9line")
    batch = batch_of(fixture, fixture["pos_clean"] + fixture["pos_noise"])
    encoded = backbone(batch, vectors=True)
    torch.testing.assert_close(encoded.scalars, fixture["scalar"], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(encoded.vectors, fixture["vector"], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(sum_atoms(encoded.scalars, batch), fixture["z_molecule"], rtol=1e-6, atol=1e-9)
    with pytest.raises(UserError, match=r"no place for model.representation_spec_model"):
        convert_release("torchmd-net", file, tmp_path / "other.pt")


def test_hyperparameters_that_our_encoder_lacks_are_refused(golden: Path, tmp_path: Path) -> None:
    fixture = read_golden(golden, "coord_denoising")
    convert_release("torchmd-net", lightning_file(fixture, tmp_path / "a.ckpt"), tmp_path / "a.pt")
    file = lightning_file(fixture, tmp_path / "b.ckpt", layernorm_on_vec="rms")
    with pytest.raises(UserError, match=r"layernorm_on_vec is 'rms'; only 'whitened'"):
        convert_release("torchmd-net", file, tmp_path / "b.pt")
    file = lightning_file(fixture, tmp_path / "c.ckpt", num_heads=4)
    assert convert_release("torchmd-net", file, tmp_path / "c.pt").config["heads"] == 4


def emgp_state(width: int = 4, layers: int = 2) -> dict[str, Tensor]:
    """As its authors save it."""
    return {f"module.model.{name}": value for name, value in egnn(width, layers).items()}


def saved(path: Path, state: dict[str, Tensor], **more: Any) -> Path:
    torch.save({"model": state, **more}, path)
    return path


def test_sizes_are_read_off_the_shapes(tmp_path: Path) -> None:
    state = emgp_state(width=6, layers=11)
    checkpoint = convert_release("3d-emgp", saved(tmp_path / "f", state), tmp_path / "c.pt")
    assert (checkpoint.config["width"], checkpoint.config["layers"]) == (6, 11)
    # The coordinate network that is used is the last one, by number, not by name.
    last = state["module.model.gcl_10.coord_mlp.0.weight"]
    assert torch.equal(checkpoint.state_dict["displacement.0.weight"], last)


def test_names_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    state = emgp_state() | {"module.surprise.weight": torch.ones(1)}
    with pytest.raises(UserError, match=r"no place for surprise.weight: not a file of 3D-EMGP"):
        convert_release("3d-emgp", saved(tmp_path / "f", state), tmp_path / "c.pt")
    assert not (tmp_path / "c.pt").exists()


def test_documented_heads_are_left_out(tmp_path: Path) -> None:
    state = emgp_state() | {"module.graph_dec_proj.4.2.bias": torch.ones(4), "module.sigmas": torch.ones(50)}
    with pytest.raises(UserError, match="--method 'attr mask': not a name, such as attr-mask"):
        convert_release("3d-emgp", tmp_path / "f", tmp_path / "c.pt", method="attr mask")
    assert convert_release("3d-emgp", saved(tmp_path / "f", state), tmp_path / "c.pt").backbone == "egnn"


@pytest.mark.parametrize("damage", ["missing", "shape", "none", "far"])
def test_encoders_that_do_not_fit_are_refused(damage: str, tmp_path: Path) -> None:
    state = emgp_state()
    if damage == "missing":
        del state["module.model.gcl_1.node_mlp.2.bias"]
    elif damage == "shape":
        state["module.model.gcl_1.node_mlp.2.bias"] = torch.ones(7)
    elif damage == "far":  # a layer number that asks for a model of any size
        state["module.model.gcl_999999999.node_mlp.2.bias"] = torch.ones(4)
    else:
        state = {"module.other": torch.ones(1)}
    expected = {
        "missing": r"missing: layers.1.node.2.bias",
        "shape": r"of another shape: layers.1.node.2.bias \(7,\) for \(4,\)",
        "none": r"0 encoders of 3D-EMGP .* one name should end with 'embedding_in.weight'",
        "far": r"not numbered from 0 on, but up to 999999999",
    }
    with pytest.raises(UserError, match=expected[damage]):
        convert_release("3d-emgp", saved(tmp_path / "f", state), tmp_path / "c.pt")
    assert not (tmp_path / "c.pt").exists()


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_hostile_file_is_refused_by_the_name_it_wanted(legacy: bool, tmp_path: Path) -> None:
    content = {"model": emgp_state(), "extra": Hostile()}
    torch.save(content, tmp_path / "f", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match="since PyTorch 1.6" if legacy else "names '__builtin__.exec'"):
        convert_release("3d-emgp", tmp_path / "f", tmp_path / "c.pt")
    assert not (tmp_path / "c.pt").exists()


def test_plain_settings_beside_the_weights_are_allowed(tmp_path: Path) -> None:
    file = saved(tmp_path / "f", emgp_state(), args=Namespace(lr=1e-3))
    assert convert_release("3d-emgp", file, tmp_path / "c.pt").backbone == "egnn"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", "f", "c.pt"), "unknown release 'nobody'; known: 3d-emgp"),
        (("3d-emgp", "missing", "c.pt"), "no such file"),
        (("3d-emgp", "f", "c.txt"), r"named \*.pt"),
        (("3d-emgp", "f", "there.pt"), "is there already"),
        (("3d-emgp", "there.pt", "c.pt"), "damaged"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, str, str], message: str, tmp_path: Path) -> None:
    saved(tmp_path / "f", emgp_state())
    (tmp_path / "there.pt").write_bytes(b"not a file of torch")
    source, file, output = arguments
    with pytest.raises(UserError, match=message):
        convert_release(source, tmp_path / file, tmp_path / output)


def test_every_rest_pattern_matches_no_parameter_of_an_encoder() -> None:
    for source, backbone in (("3d-emgp", "egnn"), ("geossl", "painn"), ("molspectra", "torchmd-et")):
        names = ["embedding.weight", "embedding_in.weight", "filter_net.bias", "out_norm.weight"]
        names += [
            "gcl_0.edge_mlp.0.weight",
            "attention_layers.0.q_proj.bias",
            "mixing.0.mu_channel_mix.weight",
        ]
        for name in names:
            if released_name(backbone, name):
                assert not RELEASES[source]().explains(name)


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "molbench.cli", "convert", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    file, output = saved(tmp_path / "f", emgp_state()), tmp_path / "c.pt"
    done = run_cli("--from", "3d-emgp", str(file), "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert "egnn with" in done.stdout
    assert "layers = 2" in done.stdout
    backbone = Checkpoint.load(output).build()
    assert backbone.width == build_backbone("egnn", {"width": 4}).width
    again = run_cli("--from", "3d-emgp", str(file), "-o", str(output))
    assert again.returncode == 2
    assert again.stderr.startswith("error: ")
    assert "Traceback" not in again.stderr
