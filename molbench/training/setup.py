"""What a pretraining trains and how: the settings that apply, the objective, and the budget."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError

from molbench.backbones import BACKBONES, build_backbone
from molbench.errors import UserError
from molbench.methods import Settings, build_method, load_settings
from molbench.methods.base import Method
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.training import TrainingConfig
from molbench.training.checkpoint import Checkpoint
from molbench.training.limit import CreationLimit, TooLargeError

# A weight with its gradient and both moments of the optimiser; operations that no network takes to be made.
_BYTES, _OPERATIONS = 16, 10_000_000


def settings_of(request: PretrainRequest, start: Checkpoint | None) -> Settings:
    """The variant's settings for the backbone, and what the request changes in them.

    Raises:
        UserError: If the method has no such variant, or a checkpoint's backbone is to be configured anew.
    """
    settings = load_settings(request.method, request.variant, backbone_name(request, start))
    if start and request.given("backbone"):
        raise UserError(
            f"{request.init}: its backbone cannot be configured anew; leave out the backbone settings"
        )
    seed = {} if request.seed is None else {"seed": request.seed}
    training = {**settings.training, **request.given("training"), **seed}
    if "steps" in training:
        raise UserError("training.steps: no setting; the budget is --steps or --epochs (steps=…, epochs=…)")
    return Settings(
        method={**settings.method, **request.given("method")},
        backbone={**settings.backbone, **request.given("backbone")},
        training=_parsed(training).model_dump(exclude_unset=True, exclude={"steps"}),
        epochs=request.epochs or settings.epochs,
    )


def backbone_name(request: PretrainRequest, start: Checkpoint | None) -> str:
    """The backbone of the checkpoint to start from, else the one asked for.

    Raises:
        UserError: If neither says one, or they disagree.
    """
    if start and request.backbone not in {None, start.backbone}:
        raise UserError(f"the starting checkpoint is a '{start.backbone}', not a '{request.backbone}'")
    if start is None and request.backbone is None:
        raise UserError(f"no backbone named; there are: {', '.join(BACKBONES)}")
    return start.backbone if start else str(request.backbone)


def build_objective(request: PretrainRequest, settings: Settings, start: Checkpoint | None) -> Method:
    """The method around its encoder, with initial weights that follow from the seed alone.

    Raises:
        UserError: If a setting is wrong, or they ask for more weights than this machine could train.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.training.get("seed", 0))
        name = backbone_name(request, start)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        try:
            with CreationLimit(memory // _BYTES, _OPERATIONS):
                encoder = start.build() if start else build_backbone(name, settings.backbone)
                return build_method(request.method, encoder, settings.method)
        except TooLargeError:
            raise UserError(
                f"backbone '{name}' and method '{request.method}' with these settings have more weights than "
                f"{memory / 2**30:.0f} GiB of memory could train"
            ) from None


def training_config(request: PretrainRequest, settings: Settings, records: int) -> TrainingConfig:
    """Optimiser, schedule and the budget in steps, for a number of records.

    Raises:
        UserError: If a setting is unknown or wrong, or nothing names a budget.
    """
    if request.steps is None and settings.epochs is None:
        raise UserError("the method's settings name no budget; give steps or epochs")
    config = _parsed(settings.training)
    if config.schedule == "plateau":
        raise UserError(
            "training.schedule: pretraining has no validation for 'plateau'; use cosine or constant"
        )
    per_step = config.batch_size * config.accumulate * request.devices
    steps = request.steps or -(-records * int(settings.epochs or 0) // per_step)
    return config.model_copy(update={"steps": steps})


def _parsed(values: Mapping[str, Any]) -> TrainingConfig:
    try:
        return TrainingConfig(**{"steps": 0, **values})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"training.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
