"""Training steps of the originals by their own code, from checkouts of their repositories.

Nothing of it is here: classes and functions are imported from a folder that holds checkouts named ``GeoSSL``,
``3D-EMGP``, ``MolSpectra`` and ``3DMRL``, and are put together as their training scripts do. What they import
beside is stood in for: compiled extensions by the operators of PyTorch that those call on a CPU, neighbours
by this project's search, what logs or loads by nothing. Batches are at hand, their edges, bonds and features
found beforehand.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import torch_geometric.nn
import yaml
from rdkit import Chem
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch

from benchmarks.backbones import step
from benchmarks.methods import MD17_ET, frames, molecules
from molbench.data.read.store import Store
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges

Step = tuple[Callable[[], None], str]
MAX_TYPES, CHARGE_POWER, HOPS = 100, 2, 3


def _scatter(
    values: Tensor, index: Tensor, dim: int = -1, *, dim_size: int | None = None, reduce: str = "sum"
) -> Tensor:
    """``torch_scatter.scatter``, whose sum is PyTorch's ``scatter_add_``, too."""
    dim = dim % values.dim()
    shape = list(values.shape)
    shape[dim] = int(index.max()) + 1 if dim_size is None else dim_size
    along = index.view([-1 if axis == dim else 1 for axis in range(values.dim())]).expand_as(values)
    total = values.new_zeros(shape).scatter_add_(dim, along, values)
    if reduce != "mean":
        return total
    count = torch.bincount(index, minlength=shape[dim]).clamp(min=1).to(values)
    return total / count.view([-1 if axis == dim else 1 for axis in range(values.dim())])


def _radius_graph(positions: Tensor, r: float, batch: Tensor, loop: bool = False, **_: Any) -> Tensor:
    """Edges within a radius, both directions; the cap is above what the molecules here have."""
    ptr = functional.pad(torch.bincount(batch).cumsum(0), (1, 0))
    numbers = torch.ones_like(batch)
    edges = radius_edges(MoleculeBatch(numbers, positions.detach(), ptr), r).directed()
    pairs = torch.stack([edges.source, edges.target])
    own = torch.arange(len(batch)).repeat(2, 1)
    return torch.cat([pairs, own], dim=1) if loop else pairs


class _Set2Set(torch_geometric.nn.Set2Set):  # type: ignore[misc]
    """With the number of layers as a third argument, which earlier versions of PyTorch Geometric take."""

    def __init__(self, width: int, steps: int, layers: int) -> None:
        super().__init__(width, steps, num_layers=layers)


class _Nothing:
    """Whatever is asked of it, it is."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return _Nothing()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return _Nothing()


def stand_in() -> None:
    """Modules that the originals import and that are not installed."""
    reduce = {
        f"scatter_{name}": partial(_scatter, reduce=name) for name in ("add", "mean", "max", "min", "std")
    }
    nothing = dict.fromkeys(
        ("coalesce", "SparseTensor", "SummaryWriter", "AtomEncoder", "BondEncoder"), _Nothing
    )
    modules: dict[str, dict[str, Any]] = {
        "torch_scatter": {"scatter": _scatter, **reduce},
        "torch_scatter.composite": {"scatter_softmax": _Nothing},
        "torch_cluster": {"radius_graph": _radius_graph},
        "torch_sparse": nothing,
        "tensorboardX": nothing,
        "ogb": {},
        "ogb.graphproppred": {},
        "ogb.graphproppred.mol_encoder": nothing,
        "pytorch_lightning": {"LightningModule": nn.Module},
        "pytorch_lightning.utilities": {"rank_zero_warn": print},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module
    torch_geometric.nn.radius_graph = _radius_graph
    torch_geometric.nn.Set2Set = _Set2Set


def atoms_of(batch: MoleculeBatch) -> SimpleNamespace:
    """What all of them call a batch."""
    return SimpleNamespace(
        z=batch.atomic_numbers, pos=batch.positions, batch=batch.molecule, num_graphs=batch.num_graphs
    )


def described(batch: MoleculeBatch, edges: int) -> str:
    """For the table."""
    return f"{batch.num_atoms} atoms, {edges} edges"


def pairs_of_atoms(batch: MoleculeBatch, *, ordered: bool) -> Tensor:
    """All pairs of atoms of a molecule, [2, P]; each in both orders where that is wanted."""
    found = []
    for start, size in zip(batch.ptr.tolist(), batch.sizes.tolist(), strict=False):
        one = torch.combinations(torch.arange(size)).t() + start
        found += [one, one.flip(0)] if ordered else [one]
    return torch.cat(found, dim=1)


def geossl_ddm(folder: Path, name: str, count: int) -> Step:
    """GeoSSL-DDM: two views, two score networks."""
    sys.path[:0] = [str(folder / "GeoSSL"), str(folder / "GeoSSL/examples")]
    sys.argv = ["pretrain", "--model_3d", name, "--GeoSSL_option", "DDM"]
    import NCSN
    from config import args
    from Geom3D.models import PaiNN, SchNet

    module = _script(folder / "GeoSSL/examples/pretrain_GeoSSL.py", ["do_DDM", "perturb"])
    batch = molecules(count)
    if name == "schnet":
        encoder = SchNet(
            args.emb_dim,
            args.num_filters,
            args.num_interactions,
            args.num_gaussians,
            args.cutoff,
            100,
            args.readout,
        )
    else:
        encoder = PaiNN(
            args.emb_dim,
            args.painn_n_interactions,
            args.painn_n_rbf,
            args.painn_radius_cutoff,
            1,
            args.painn_readout,
        )
    heads = [
        NCSN.NCSN_version_03(
            args.emb_dim,
            args.SM_sigma_begin,
            args.SM_sigma_end,
            args.SM_num_noise_level,
            args.SM_noise_type,
            args.SM_anneal_power,
        )
        for _ in range(2)
    ]
    module.NCSN_model_01, module.NCSN_model_02 = heads
    given = atoms_of(batch)
    given.x, given.positions = batch.atomic_numbers.unsqueeze(1), batch.positions
    given.super_edge_index = pairs_of_atoms(batch, ordered=False)
    given.radius_edge_index = _radius_graph(batch.positions, args.painn_radius_cutoff, batch.molecule)
    reach = args.cutoff if name == "schnet" else args.painn_radius_cutoff
    edges = _radius_graph(batch.positions, reach, batch.molecule).shape[1]
    run = step(
        nn.ModuleList([encoder, *heads]),
        lambda: module.do_DDM(args, given, encoder, None, 0, 0.3)[0],
        ours=False,
    )
    return run, described(batch, edges)


def _script(path: Path, names: Sequence[str]) -> ModuleType:
    """Functions of a training script, without what it imports to load data."""
    import ast

    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
    module = ModuleType(path.stem)
    module.__dict__.update(torch=torch, np=np, nn=nn, F=functional)
    exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102 - that is what it is for
    return module


def _forces(energies: Tensor, positions: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(energies.sum(), positions, create_graph=True)
    return -gradient


def _energies_and_forces(predict: Callable[[Tensor], Tensor], positions: Tensor) -> Tensor:
    moved = positions.detach().requires_grad_()
    energies = predict(moved)
    return 0.2 * (energies - 1).abs().mean() + 0.8 * (_forces(energies, moved) - 1).abs().mean()


def painn_forces(folder: Path, count: int) -> Step:
    """GeoSSL's fine-tuning of PaiNN on a trajectory."""
    sys.path.insert(0, str(folder / "GeoSSL"))
    from Geom3D.models import PaiNN

    batch = frames(count)
    encoder = PaiNN(128, 3, 20, 5.0, 1, "add")
    head = encoder.create_output_layers()
    edges = _radius_graph(batch.positions, 5.0, batch.molecule)

    def predict(positions: Tensor) -> Tensor:
        result: Tensor = head(encoder(batch.atomic_numbers, positions, edges, batch.molecule)).squeeze(1)
        return result

    module = nn.ModuleList([encoder, head])
    run = step(module, lambda: _energies_and_forces(predict, batch.positions), ours=False)
    return run, described(batch, edges.shape[1])


def _features(numbers: Tensor) -> Tensor:
    """3D-EMGP's input of an atom: powers of its number at the place of its element."""
    powers = (numbers.unsqueeze(-1) / MAX_TYPES) ** torch.arange(CHARGE_POWER + 1.0)
    return (functional.one_hot(numbers, MAX_TYPES).unsqueeze(-1) * powers.unsqueeze(1)).flatten(1)


def _hops(batch: MoleculeBatch, pairs: Tensor) -> Tensor:
    """Bonds between the atoms of each pair, 0 for more than three; atoms within 1.6 Å are bound."""
    bound = torch.zeros(batch.num_atoms, batch.num_atoms)
    near = (batch.positions[pairs[0]] - batch.positions[pairs[1]]).norm(dim=1) <= 1.6
    bound[pairs[0, near], pairs[1, near]] = 1
    within, reached, result = torch.eye(batch.num_atoms), [], torch.zeros(pairs.shape[1], dtype=torch.long)
    for _ in range(HOPS):
        within = ((within @ (bound + torch.eye(batch.num_atoms))) > 0).float()
        reached.append(within[pairs[0], pairs[1]] > 0)
    for hop in range(HOPS, 0, -1):
        result[reached[hop - 1]] = hop
    return result


def emgp(folder: Path, count: int) -> Step:
    """3D-EMGP's pretraining of EGNN."""
    sys.path.insert(0, str(folder / "3D-EMGP"))
    from mgp.layers.egnn_clean import EGNN_last
    from mgp.models.denoise_prednoise import EquivariantDenoisePred

    config = _attributes(
        yaml.safe_load((folder / "3D-EMGP/config/pretrain_3dmgp.yml").read_text(encoding="utf-8"))
    )
    encoder = EGNN_last(
        MAX_TYPES * (CHARGE_POWER + 1),
        config.model.hidden_dim,
        HOPS + 1,
        n_layers=config.model.n_layers,
        attention=config.model.attention,
    )
    model, batch = EquivariantDenoisePred(config, encoder), molecules(count)
    given = atoms_of(batch)
    given.edge_index = pairs_of_atoms(batch, ordered=True)
    given.edge_type, given.node_feature = _hops(batch, given.edge_index), _features(batch.atomic_numbers)

    def loss() -> Tensor:
        denoised, level = model(given)
        result: Tensor = config.train.loss_denoise * denoised + config.train.loss_pred_noise * level
        return result

    return step(model, loss, ours=False), described(batch, given.edge_index.shape[1])


def _attributes(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return SimpleNamespace(**{key: _attributes(value) for key, value in values.items()})


def egnn_forces(folder: Path, count: int) -> Step:
    """3D-EMGP's fine-tuning of EGNN on a trajectory."""
    sys.path.insert(0, str(folder / "3D-EMGP"))
    from mgp.layers.egnn_clean import EGNN_md_last

    batch = frames(count)
    model = EGNN_md_last(MAX_TYPES * (CHARGE_POWER + 1), 128, HOPS + 1, n_layers=7, attention=True)
    edges = pairs_of_atoms(batch, ordered=True)
    kinds = functional.one_hot(_hops(batch, edges), HOPS + 1).float()
    features = _features(batch.atomic_numbers)

    def loss() -> Tensor:
        energies, forces = model(features, batch.positions, edges, kinds, batch.molecule, md_type="gradient")
        return 0.2 * (energies - 1).abs().mean() + 0.8 * (forces - 1).abs().mean()

    return step(model, loss, ours=False), described(batch, edges.shape[1])


def _torchmd(folder: Path, configuration: str, **changes: Any) -> nn.Module:
    sys.path.insert(0, str(folder / "MolSpectra"))
    for name in ("calculators", "datasets", "data"):  # what the package imports beside its models
        sys.modules[f"torchmdnet.{name}"] = ModuleType(f"torchmdnet.{name}")
    from torchmdnet.models.model import create_model

    text = (folder / "MolSpectra/examples" / configuration).read_text(encoding="utf-8")
    defaults = {
        "output_model_noise": None,
        "output_model_spec": None,
        "output_model_mol": None,
        "use_dataset_md17": False,
    }
    model: nn.Module = create_model({**defaults, **yaml.safe_load(text), **changes})
    return model


def torchmd_denoising(folder: Path, count: int, *, norms: bool, spectra: bool = False) -> Step:
    """Coord, MolSpectra's stage 1 with norms, its stage 2 with spectra."""
    changes = {"layernorm_on_vec": "whitened", "use_dataset_md17": not norms}
    if spectra:
        changes["spectra_model"] = "SpecFormer"
    model = _torchmd(folder, "ET-QM9-QM9SP-PT.yaml", **changes)
    batch = molecules(count)
    given = [torch.rand(count, points) for points in (701, 3501, 3501)] if spectra else None

    def loss() -> Tensor:
        noise = 0.04 * torch.randn_like(batch.positions)
        energies, guess, _, spectrum, molecule, hidden = model(
            batch.atomic_numbers, batch.positions + noise, given, batch.molecule
        )
        normaliser: Any = model.pos_normalizer
        value = functional.mse_loss(guess + energies.sum() * 0, normaliser(noise))
        if spectra:
            from torchmdnet.module import LNNP

            value = value + LNNP.ctr_loss_fn(None, molecule, spectrum) + hidden
        return value

    edges = _radius_graph(batch.positions, 5.0, batch.molecule).shape[1]
    return step(model, loss, ours=False), described(batch, edges)


def torchmd_forces(folder: Path, count: int) -> Step:
    """MolSpectra's fine-tuning of the equivariant transformer on a trajectory."""
    model, batch = (
        _torchmd(folder, "ET-MD17-FT.yaml", layernorm_on_vec="whitened", num_layers=MD17_ET["layers"]),
        frames(count),
    )

    def loss() -> Tensor:
        energies, _, forces, *_ = model(batch.atomic_numbers, batch.positions.detach(), None, batch.molecule)
        return 0.2 * (energies - 1).abs().mean() + 0.8 * (forces - 1).abs().mean()

    edges = _radius_graph(batch.positions, 5.0, batch.molecule).shape[1]
    return step(model, loss, ours=False), described(batch, edges)


def _graphs(smiles: Sequence[str], *, positions: bool) -> list[Any]:
    """Molecules with hydrogens, as their datasets make them; each different one once."""
    from utils import chem

    make = chem.get_3d_from_smile if positions else partial(chem.get_graph_from_smile, idx=0)
    made = {text: make(Chem.AddHs(Chem.MolFromSmiles(text))) for text in dict.fromkeys(smiles)}
    return [made[text] for text in smiles]


def _collated(a: list[Any], b: list[Any]) -> list[Any]:
    from utils.utils import create_batch_mask

    both = [Batch.from_data_list(a), Batch.from_data_list(b)]
    return [*both, *create_batch_mask(both)]


def mrl3d(folder: Path, store: Store, rows: np.ndarray) -> Step:
    """3DMRL's pretraining of CIGIN; neither conformers nor environments are made in the step."""
    sys.path.insert(0, str(folder / "3DMRL/MI"))
    from datasets_pretrain.chromophore import ChromophoreAll
    from models_2d.CIGIN import CIGIN
    from models_3d.GeomGNN import GeomGNN
    from pretrainers.MRL3D import Denoiser, MRL3D_PreTrainer

    a, b = (_graphs(_smiles(store, side, rows), positions=True) for side in ("a", "b"))
    setting = SimpleNamespace(sample=5, rotation=True, radius=True, fixed_direction=False)
    around = Batch.from_data_list(
        [ChromophoreAll.get_virtual_environment(setting, one, other) for one, other in zip(a, b, strict=True)]
    )
    given = _collated(a, b)
    flat, deep = (
        CIGIN(num_step_message_passing=3),
        GeomGNN(64, 6, 5.0, only_solute=True, no_node_feature=True),
    )
    denoiser, args = Denoiser(56, 56, "cpu"), SimpleNamespace(args=SimpleNamespace(tau=0.2))

    def loss() -> Tensor:
        first, solute, solvent = flat.get_representations(given)
        second = deep(around)
        contrast = [
            MRL3D_PreTrainer.contrastive_loss(args, *pair) for pair in ((first, second), (second, first))
        ]
        result: Tensor = sum(contrast) + 0.1 * denoiser(solvent, solute, around)
        return result

    edges = _radius_graph(around.pos, 5.0, around.batch).shape[1]
    module = nn.ModuleList([flat, deep, denoiser])
    return step(
        module, loss, ours=False
    ), f"{len(rows)} pairs, {len(around.pos)} atoms in shells, {edges} edges"


def gin_cigin(folder: Path, store: Store, rows: np.ndarray) -> Step:
    """3DMRL's fine-tuning on pairs of drugs."""
    sys.path.insert(0, str(folder / "3DMRL/DDI"))
    from models_2d.CIGIN import CIGIN

    a, b = (_graphs(_smiles(store, side, rows), positions=False) for side in ("a", "b"))
    model, given, labels = CIGIN(), _collated(a, b), torch.zeros(len(rows), 1)

    def loss() -> Tensor:
        return functional.binary_cross_entropy_with_logits(model(given)[0], labels)

    work = f"{len(rows)} pairs, {given[0].num_nodes + given[1].num_nodes} atoms"
    return step(model, loss, ours=False), work


def _smiles(store: Store, side: str, rows: np.ndarray) -> list[str]:
    texts: list[str] = store.column(f"{side}_smiles").take(pa.array(rows)).to_pylist()
    return texts


def original_step(row: str, folder: Path, count: int, store: Store | None, rows: np.ndarray) -> Step:
    """The original's step of a row of ``benchmarks/originals.py``."""
    stand_in()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - theirs draw from it
    made: dict[str, Callable[[], Step]] = {
        "GeoSSL-DDM, SchNet": lambda: geossl_ddm(folder, "schnet", count),
        "GeoSSL-DDM, PaiNN": lambda: geossl_ddm(folder, "painn", count),
        "3D-EMGP, EGNN": lambda: emgp(folder, count),
        "Coord, ET": lambda: torchmd_denoising(folder, count, norms=False),
        "MolSpectra stage 1, ET": lambda: torchmd_denoising(folder, count, norms=True),
        "MolSpectra stage 2, ET": lambda: torchmd_denoising(folder, count, norms=True, spectra=True),
        "MD17, PaiNN": lambda: painn_forces(folder, count),
        "MD17, EGNN": lambda: egnn_forces(folder, count),
        "MD17, ET": lambda: torchmd_forces(folder, count),
    }
    if store is not None:
        made |= {
            "Pairs, gin-cigin": lambda: gin_cigin(folder, store, rows),
            "Pairs, pretraining by 3dmrl": lambda: mrl3d(folder, store, rows),
        }
    return made[row]()
