"""Results packed as a submission: predictions without labels, and a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from molbench.atomic import replace_folder
from molbench.errors import UserError, error_line
from molbench.evaluation.result import CheckpointEntry
from molbench.exclusive import exclusive
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import require_name
from molbench.spec.provenance import stages
from molbench.spec.submission import Cost, Modality, Submission
from molbench.submission.before import Before
from molbench.submission.cost import cost_of
from molbench.submission.entries import (
    Elsewhere,
    by_row,
    checked_results,
    write_card,
    write_entries,
)
from molbench.submission.folder import described_file
from molbench.submission.request import PackRequest


def pack(request: PackRequest) -> Path:
    """Write ``<family>/<model>/`` with a card and predictions, whole or not at all.

    Of what is there already, weights of the same encoder and files that the card does not list stay; the
    receipt goes, since it is of the old card.

    Args:
        request: What it is made of.

    Returns:
        The folder.

    Raises:
        UserError: If results are not of one model, do not hold, lack what a submission of that name has, or
            something that is told of it is not valid.
    """
    stored = checked_results(request.results)
    model = stored[0].result.checkpoint
    family = require_name(request.family or _family(model), "the family")
    folder = request.output / family / model.name
    with exclusive(folder), replace_folder(folder) as temporary:
        before = Before.read(folder)
        before.refuse_losses(by_row(stored).keys())
        before.keep(temporary, weights=request.checkpoint is None)
        cost = cost_of([item.result for item in stored])
        entries = write_entries(
            temporary, stored, Elsewhere.beside(folder, request.url_prefix), measured=cost is not None
        )
        card = _card(request, model, entries, _weights(temporary, request, model, before), cost)
        write_card(temporary, card)
    return folder


def _family(model: CheckpointEntry) -> str:
    return FINGERPRINT if model.name == FINGERPRINT else model.backbone


def _weights(folder: Path, request: PackRequest, model: CheckpointEntry, before: Before) -> dict[str, Any]:
    """What the card says of the weights: those that are given, else those that were packed before."""
    weights: dict[str, Any] = {"encoder_digest": model.encoder_digest}
    if request.checkpoint is None:
        if request.checkpoint_url:
            raise UserError("--checkpoint-url needs --checkpoint, whose size and digest the card gives")
        packed = before.weights_of(model.encoder_digest)
        return weights | ({} if packed is None else {"checkpoint": packed.model_dump(exclude_none=True)})
    from molbench.evaluation.candidates.checkpoint import encoder_digest
    from molbench.training.checkpoint import Checkpoint

    if encoder_digest(Checkpoint.load(request.checkpoint)) != model.encoder_digest:
        raise UserError(f"{request.checkpoint}: is not what was evaluated as '{model.name}'")
    path = request.checkpoint
    if request.checkpoint_url is None:
        path = folder / f"checkpoint{request.checkpoint.suffix}"
        content = request.checkpoint.read_bytes()
        if path.exists() and path.read_bytes() != content:  # it was kept as somebody's own
            raise UserError(
                f"{before.folder / path.name}: is another file than {request.checkpoint}, and on no card; "
                "move it away first"
            )
        path.write_bytes(content)
    return weights | {"checkpoint": described_file(path, folder, request.checkpoint_url)}


def _card(
    request: PackRequest,
    model: CheckpointEntry,
    entries: list[dict[str, Any]],
    weights: dict[str, Any],
    cost: Cost | None,
) -> dict[str, Any]:
    links = dict(_link(text) for text in request.links)
    is_fingerprint = model.name == FINGERPRINT
    compute = None
    if (request.device is None) != (request.hours is None):
        raise UserError("give --device and --hours, or neither")
    if request.device is not None:
        compute = {"device": request.device, "hours": request.hours}
    card: dict[str, Any] = {
        "format": 1,
        "model": model.name,
        "name": request.name,
        "backbone": model.backbone,
        "baseline": None if model.scratch or model.baseline == model.name else model.baseline,
        "scratch": model.scratch,
        "parameters": _parameters(model),
        "method": model.method,
        "modality": modality_of(model),
        "pretraining": [] if model.scratch else _corpora(model),
        "compute": compute,
        "cost": cost and cost.model_dump(),
        "weights": None if is_fingerprint else weights,
        "commit": request.commit,
        "licence": request.licence,
        "authors": request.authors,
        "paper": request.paper,
        "links": links,
        "notes": request.notes,
        "predictions": entries,
    }
    card = {name: value for name, value in card.items() if value not in (None, [], {}, False)}
    try:
        Submission.model_validate(card)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"--{where}: {error_line(ValueError(first['msg'].removeprefix('Value error, ')))}"
        ) from None
    return card


def _link(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not equals:
        raise UserError(f"--links {text}: write name=https://…")
    return name, address


def _corpora(model: CheckpointEntry) -> list[dict[str, Any]]:
    corpora = []
    for stage in stages(model.pretraining):
        name = str(stage.get("dataset") or "unknown")
        corpus: dict[str, Any] = {"dataset": name} if Catalogue.declares(name) else {"other": name}
        corpus |= {
            key: stage[key] for key in ("subset", "scheme", "digest", "steps") if stage.get(key) is not None
        }
        corpora.append(corpus)
    return corpora


def _parameters(model: CheckpointEntry) -> int | None:
    from molbench.backbones import BACKBONES, build_backbone

    if model.backbone not in BACKBONES:
        return None
    return sum(value.numel() for value in build_backbone(model.backbone, model.config).parameters())


def modality_of(model: CheckpointEntry) -> Modality:
    """What the encoder of a model reads."""
    from molbench.backbones import BACKBONES

    if model.name == FINGERPRINT:
        return "fingerprint"
    pairs = model.backbone in BACKBONES and "pairs" in BACKBONES.module(model.backbone)
    return "pair" if pairs else "geometry"
