"""Released 3D-EMGP encoders, with their heads, under the objectives that they were trained with.

    python -m benchmarks.objectives FOLDER [--json FILE]

FOLDER has the authors' files, `checkpoint-<name>` each. Needs `qm9` (the listed 12,000 are enough) built in
MOLBENCH_HOME: the losses are of the test molecules of its scheme `12k`, in batches of 64 as in training, each
beside that of random weights under the same random numbers. An encoder that was converted wrongly would not
know what it was trained for.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.record import Cell, Measured, Spread, report
from benchmarks.released import METHODS as METHODS_OF
from benchmarks.released import options_with_folder, released_files
from molbench.backbones import build_backbone
from molbench.data.folder.location import locate
from molbench.data.read.store import Store
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import METHODS
from molbench.methods.base import Method
from molbench.methods.parts.layers import two_layers
from molbench.methods.pos_pred import PosPredConfig
from molbench.releases import RELEASES
from molbench.releases.base import State
from molbench.training.checkpoint_file import content_of, weights_of
from tests.releases.emgp_weights import egnn

#: Names of the heads in a released file to ours.
HEADS: Mapping[str, Mapping[str, str]] = {
    "3dmgp": {"node_dec": "atoms", "graph_dec": "energy", "noise_pred": "level"},
    "attrmask": {"type_predictor": "element"},
    "edgepred": {"projector": "project"},
    "gpt": {"type_predictor": "element", "node_dec": "backbone.after"},
    "pospred": {},
    "gcc": {"graph_dec": "project"},
    "graphcl": {"graph_dec": "project"},
    "infograph": {"graph_dec": "project"},
    "joao": {"graph_dec": "project"},
    "joaov2": {"graph_dec_proj": "project"},
}
#: As released: moved atoms lie on the centroid itself.
SETTINGS: Mapping[str, Any] = {"pos-pred": PosPredConfig(jitter=0.0)}
BATCH = 64
RELEASE = RELEASES["3d-emgp"]()


def untrained(name: str, config: Mapping[str, Any]) -> Method[Any, Any]:
    """The objective of a released file on random weights."""
    torch.manual_seed(0)
    encoder = build_backbone("egnn", config)
    if name == "gpt-gnn":  # the authors let the vectors of atoms pass a network before their mean is taken
        encoder.after = two_layers(encoder.width, encoder.width, encoder.width)
        encoder.register_forward_hook(lambda module, _, out: replace(out, scalars=module.after(out.scalars)))
    return METHODS[name](encoder, SETTINGS.get(name)).eval()


def give(method: Method[Any, Any], state: State) -> None:
    """All weights of a released file, under our names.

    Raises:
        SystemExit: If some are lacking, or there is no place for some.
    """
    missing, unexpected = method.load_state_dict(state, strict=False)
    lacking = {name for name, _ in method.named_parameters()}.intersection(missing)
    if unexpected or lacking:
        raise SystemExit(f"{method.name}: lacks {lacking}, has no place for {unexpected}")


def losses(method: Method[Any, Any], batches: Iterable[MoleculeBatch]) -> dict[str, Spread]:
    """Loss of each batch and what is told beside it; the random numbers are the same for all weights."""
    told: dict[str, list[float]] = {}
    for number, batch in enumerate(batches):
        loss, logs = method.loss(batch, torch.Generator().manual_seed(number))
        for key, value in {"loss": loss, **logs}.items():
            told.setdefault(key, []).append(float(value.detach()))
    return {key: Spread.of(values) for key, values in told.items()}


def measured(path: Path, batches: Sequence[MoleculeBatch]) -> Measured:
    """A released file beside random weights."""
    file = path.name.removeprefix("checkpoint-")
    name, names = METHODS_OF[file], HEADS[file]
    encoder, ours = {}, {}
    for key, value in weights_of(path, content_of(path)["model"]).items():
        part, _, rest = key.removeprefix("module.").partition(".")
        if part == "model":
            encoder[rest] = value
        elif part in names:
            ours[f"{names[part]}.{rest}"] = value
    method = untrained(name, RELEASE.config("egnn", encoder, {}))
    random = losses(method, batches)
    ours |= {f"backbone.{key}": value for key, value in RELEASE.translate("egnn", encoder, 0).items()}
    give(method, ours)
    cells: dict[str, Cell] = {"method": name}
    for key, value in losses(method, batches).items():
        cells |= {key: value, f"{key}, random weights": random[key]}
    return Measured(path.name, cells)


def batches_of(dataset: str, scheme: str, count: int | None) -> list[MoleculeBatch]:
    """The test molecules in whole batches."""
    store = Store.open(locate(dataset))
    rows = store.rows(scheme, "test")[:count]
    return [store.batch(rows[i : i + BATCH]) for i in range(0, len(rows) - BATCH + 1, BATCH)]


def made_up(folder: Path) -> Path:
    """A folder with a file of random weights."""
    encoder = {f"module.model.{key}": value for key, value in egnn().items()}
    head = two_layers(4, 4, 4).state_dict()
    heads = {f"module.graph_dec.{key}": value for key, value in head.items()}
    torch.save({"model": encoder | heads}, folder / "checkpoint-graphcl")
    return folder


def main() -> None:
    """Measure every file of the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--molecules", type=int, help="how many of the test molecules; default: all")
    options = options_with_folder(parser, toy={"molecules": BATCH})
    with tempfile.TemporaryDirectory() as scratch:
        folder = made_up(Path(scratch)) if options.toy else options.folder
        files = [path for path in released_files(folder) if path.name.removeprefix("checkpoint-") in HEADS]
        where = ("xtb-molecules", "random") if options.toy else ("qm9", "12k")
        batches = batches_of(*where, options.molecules)
        report(options, [measured(path, batches) for path in files], molecules=BATCH * len(batches))


if __name__ == "__main__":
    main()
