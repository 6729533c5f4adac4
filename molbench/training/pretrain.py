"""Pretraining: a method, a backbone and a dataset to a checkpoint that says where it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import ValidationError

from molbench.backbones import BACKBONES, build_backbone
from molbench.data.build.splits.expand import expand
from molbench.data.folder.location import locate
from molbench.data.leakage.exclude_molecules import Exclusion
from molbench.data.leakage.exclude_molecules import exclude as exclude_tests
from molbench.data.leakage.exclude_pairs import count_pairs, exclude_pairs
from molbench.data.leakage.pairs import holds_pairs, relational_tasks
from molbench.data.read.loader import Loader
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.methods import build_method, load_settings
from molbench.methods.base import Method
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.spec.training import TrainingConfig
from molbench.training.checkpoint import Checkpoint, config_of
from molbench.training.environment import environment
from molbench.training.loop import FitReport, StepReport, fit
from molbench.training.state import remove_state


def pretrain(
    method: str,
    *,
    data: str | Path,
    output: Path,
    backbone: str | None = None,
    init: Path | None = None,
    variant: str = "intended",
    subset: str | None = None,
    scheme: str | None = None,
    exclude: Sequence[str] = (),
    include_test_pairs: bool = False,
    steps: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    progress: Callable[[StepReport], None] | None = None,
) -> Checkpoint:
    """Pretrain a backbone and write a checkpoint.

    A run that was stopped is continued by the same call from ``<output>.state``; the folder goes when the
    checkpoint is written. Only the training split is used, so that test molecules of the same dataset are not
    seen. Of pairs of molecules, all that any task of a built dataset of pairs tests on, on any of its
    schemes, are left out too.

    Args:
        method: As registered.
        data: Id or folder of a built dataset.
        output: Checkpoint to write, ``.pt`` or ``.safetensors``; must not be there yet.
        backbone: As registered; needed unless ``init`` says it.
        init: Checkpoint to start from instead of random weights; its provenance is kept.
        variant: ``intended`` does what the paper says, ``faithful`` what its released code does.
        subset: Part of the dataset, where it has parts.
        scheme: Split scheme whose training split is used; by default the dataset's first.
        exclude: Patterns of tasks whose test molecules, or pairs, are left out, wherever they come from.
        include_test_pairs: Leave in the pairs that tasks test on, but for those of ``exclude``; the
            checkpoint is then marked as contaminated.
        steps: Optimiser steps; by default what ``epochs`` takes.
        epochs: Passes over the data; by default the paper's.
        seed: Of weights, shuffling and noise; by default the method's setting.
        overrides: Settings that differ from the variant's, in groups ``method``, ``backbone``, ``training``.
        accelerator: See :func:`~molbench.training.loop.fit`.
        devices: See :func:`~molbench.training.loop.fit`.
        progress: Called after every step.

    Raises:
        UserError: If anything asked for is unknown or missing, or a state of another run is in the way.
        InterruptedTrainingError: On SIGINT or SIGTERM, once the state is saved.
    """
    Checkpoint.check_path(output)
    if output.exists():
        raise UserError(f"{output}: is there already; choose another name or remove it")
    start = Checkpoint.load(init) if init else None
    name = _backbone_name(backbone, start)
    settings = load_settings(method, variant, name)
    given = _grouped(overrides or {})
    if start and given["backbone"]:
        raise UserError(f"{init}: its backbone cannot be configured anew; leave out the backbone settings")

    store = _open(data, subset)
    scheme = scheme or _default_scheme(store)
    catalogue, excluded = Catalogue.load(), Exclusion()
    tasks = catalogue.tasks(exclude) if exclude else []
    rows = records = store.rows(scheme, "train")
    if include_test_pairs and not holds_pairs(store):
        raise UserError(f"{store.dataset_id} holds no pairs, so no test pairs to include")
    if tasks and not holds_pairs(store):
        rows, excluded = exclude_tests(store, rows, tasks)
    training = {**settings.training, **given["training"]} | ({} if seed is None else {"seed": seed})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.get("seed", 0))
        encoder = start.build() if start else build_backbone(name, {**settings.backbone, **given["backbone"]})
        objective = build_method(method, encoder, {**settings.method, **given["method"]})

    _refuse_missing_columns(method, objective, store)
    rows = objective.select(store, rows)
    contamination: dict[str, Any] = {}
    if holds_pairs(store):
        own = DatasetEntry(store.dataset_id, store.folder)
        relational = relational_tasks({**catalogue.entries, own.id: own}.values())
        if include_test_pairs:
            rows, excluded = exclude_pairs(store, rows, tasks)
            contamination = {"contaminated": True, "test_pairs": count_pairs(store, rows, relational)}
        else:
            others = np.setdiff1d(np.arange(len(store)), records)
            every = {ref.id: ref for ref in [*tasks, *relational]}
            rows, excluded = exclude_pairs(store, rows, list(every.values()), others)
            contamination = {"contaminated": False}
    config = _training_config(training, len(rows), devices, steps, epochs if epochs else settings.epochs)
    objective.prepare(store, rows)
    reader = objective.reader(store)
    batches = Loader(
        reader,
        rows,
        config.batch_size,
        seed=config.seed,
        drop_last=0 < len(rows) % config.batch_size < objective.smallest_batch,
        targets=objective.columns,
    )
    key = {
        "method": method,
        "method config": asdict(objective.config),
        "backbone": name,
        "backbone config": config_of(encoder),
        "starting weights": start.digest[:12] if start else "random",
        "data": f"{store.dataset_id} {store.digest[:12]}",
        "split": f"{scheme}, {len(rows)} records {hashlib.sha256(rows.tobytes()).hexdigest()[:12]}",
    }
    folder = output.with_name(output.name + ".state")
    report = fit(
        objective,
        batches,
        config,
        folder=folder,
        key=key,
        progress=progress,
        accelerator=accelerator,
        devices=devices,
    )
    provenance = {
        "dataset": store.dataset_id,
        "subset": store.subset,
        "digest": store.digest,
        "scheme": scheme,
        "split": "train",
        "records": len(rows),
        "excluded": asdict(excluded),
        **contamination,
        "variant": variant,
        "init": start.digest if start else None,
        "stages": start.stages if start else [],
        "training": config.model_dump(),
        "seed": config.seed,
        **_summary(report),
    }
    checkpoint = Checkpoint.of(
        encoder,
        method=method,
        method_config=asdict(objective.config),
        pretraining=provenance,
        environment=environment(),
    )
    if report.rank == 0:
        checkpoint.save(output)
        remove_state(folder)
    return checkpoint


def _backbone_name(backbone: str | None, start: Checkpoint | None) -> str:
    if start and backbone not in {None, start.backbone}:
        raise UserError(f"the starting checkpoint is a '{start.backbone}', not a '{backbone}'")
    if start is None and backbone is None:
        raise UserError(f"no backbone named; there are: {', '.join(BACKBONES)}")
    return start.backbone if start else str(backbone)


def _grouped(overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    groups: dict[str, Mapping[str, Any]] = {"method": {}, "backbone": {}, "training": {}}
    if unknown := sorted(overrides.keys() - groups.keys()):
        raise UserError(f"no group of settings '{unknown[0]}'; groups: {', '.join(groups)}")
    return groups | dict(overrides)


def _open(data: str | Path, subset: str | None) -> Store:
    path = Path(data)
    if path.is_file():
        command = f"molbench data import {path} --name {path.name.partition('.')[0].lower()}"
        raise UserError(f"{path}: a file; make it a dataset first with `{command}`")
    return Store.open(path if (path / "manifest.json").is_file() else locate(str(data)), subset)


def _refuse_missing_columns(name: str, method: Method, store: Store) -> None:
    if missing := [column for column in method.columns if column not in store.table.schema.names]:
        raise UserError(
            f"method '{name}' needs the column {', '.join(missing)}, and {store.dataset_id} has none; "
            f"columns: {', '.join(store.table.schema.names)}"
        )


def _default_scheme(store: Store) -> str:
    """The first declared scheme that the build has; a partial one may lack some."""
    built = {path.stem for path in (store.folder / (store.subset or "") / "splits").glob("*.parquet")}
    declared = expand(DatasetEntry(store.dataset_id, store.folder).splits.schemes)
    return next(name for name in declared if name in built)


def _training_config(
    values: Mapping[str, Any], records: int, devices: int, steps: int | None, epochs: int | None
) -> TrainingConfig:
    if steps is None and epochs is None:
        raise UserError("the method's settings name no budget; give steps or epochs")
    try:
        config = TrainingConfig(**{"steps": 0, **values})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"training.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if config.schedule == "plateau":
        raise UserError(
            "training.schedule: pretraining has no validation for 'plateau'; use cosine or constant"
        )
    if steps is None:
        per_step = config.batch_size * config.accumulate * devices
        steps = -(-records * int(epochs or 0) // per_step)
    return config.model_copy(update={"steps": steps})


def _summary(report: FitReport) -> dict[str, Any]:
    """How the run went, in numbers that JSON can hold."""
    tail = [loss for loss in report.losses[-100:] if np.isfinite(loss)]
    return {
        "steps": report.steps,
        "skipped_steps": report.skipped,
        "final_loss": float(np.mean(tail)) if tail else None,
        "seconds": round(report.seconds, 3),
        "molecules_per_second": round(report.molecules_per_second, 2),
    }
