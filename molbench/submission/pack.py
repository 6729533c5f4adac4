"""Results packed as a submission: predictions without labels, and a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from molbench.atomic import replace_folder
from molbench.errors import UserError, error_line
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.result import CheckpointEntry, Stored, result_files
from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import require_name
from molbench.spec.provenance import stages
from molbench.spec.submission import Cost, Modality, Submission
from molbench.submission.cost import cost_of, speed_of
from molbench.submission.folder import CARD, README, described_file
from molbench.submission.predictions import write_predictions
from molbench.submission.request import PackRequest

#: Bytes up to which a file lies in the folder where an address for larger ones is given.
SMALL = 1 << 20
_HEAD = "# Written by `molbench submit pack`; check changes with `molbench submit validate`.\n"
_LONGEST_LIST = 5


def pack(request: PackRequest) -> Path:
    """Write ``<family>/<model>/`` with a card and predictions, whole or not at all.

    Args:
        request: What it is made of.

    Returns:
        The folder.

    Raises:
        UserError: If results are not of one model, do not hold, or something that is told of it is not valid.
    """
    stored = _checked(request.results)
    model = stored[0].result.checkpoint
    family = require_name(request.family or _family(model), "the family")
    folder = request.output / family / model.name
    with replace_folder(folder) as temporary:
        if (folder / README).is_file():
            (temporary / README).write_bytes((folder / README).read_bytes())
        cost = cost_of([item.result for item in stored])
        entries = [
            _entry(temporary, runs, request, measured=cost is not None) for runs in _grouped(stored).values()
        ]
        card = _card(request, model, entries, _weights(temporary, request, model), cost)
        text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
        (temporary / CARD).write_text(_HEAD + text, encoding="utf-8")
    return folder


def _family(model: CheckpointEntry) -> str:
    return FINGERPRINT if model.name == FINGERPRINT else model.backbone


def _checked(root: Path) -> list[Stored]:
    trust, results, problems = Trust(Catalogue.load()), [], []
    for path in result_files(root):
        try:
            results.append(trust.check(Stored.read(path.parent)))
        except UserError as error:
            problems.append(f"  {path.parent}: {error}")
    if problems:
        more = f"\n  … and {len(problems) - _LONGEST_LIST} more" if len(problems) > _LONGEST_LIST else ""
        raise UserError("results that do not hold:\n" + "\n".join(problems[:_LONGEST_LIST]) + more)
    if not results:
        raise UserError(f"{root}: holds no result; `molbench evaluate CHECKPOINT --output {root}` makes some")
    names = sorted({stored.result.checkpoint.name for stored in results})
    if len(names) > 1:
        raise UserError(f"{root}: holds results of {', '.join(names)}; pack one at a time: {root / names[0]}")
    encoders = {
        item.result.checkpoint.encoder_digest for item in results if not item.result.checkpoint.scratch
    }
    if len(encoders) > 1:
        raise UserError(f"{root}: holds results of different weights; evaluate one of them again")
    return results


def _grouped(stored: Sequence[Stored]) -> dict[tuple[str, str], dict[int, Stored]]:
    grouped: dict[tuple[str, str], dict[int, Stored]] = {}
    for item in stored:
        key = item.result.task.id, item.result.protocol.name
        grouped.setdefault(key, {})[item.result.seed] = item
    return dict(sorted(grouped.items()))


def _entry(
    folder: Path, runs: Mapping[int, Stored], request: PackRequest, *, measured: bool
) -> dict[str, Any]:
    first = runs[min(runs)].result
    predictions: dict[int, Predictions] = {seed: item.predictions for seed, item in runs.items()}
    path = folder / "predictions" / first.task.id / f"{first.protocol.name}.parquet"
    write_predictions(path, predictions)
    url = None
    if request.url_prefix and path.stat().st_size > SMALL:
        upload = request.output / "upload" / folder.name.lstrip(".").partition(".")[0]
        name = f"{first.task.id.replace('/', '-')}-{first.protocol.name}.parquet"
        upload.mkdir(parents=True, exist_ok=True)
        path = path.replace(upload / name)
        url = f"{request.url_prefix.rstrip('/')}/{name}"
    some = predictions[min(runs)]
    speed = speed_of([item.result for item in runs.values()]) if measured else None
    return {
        "task": first.task.id,
        "protocol": first.protocol.name,
        "unit": some.unit,
        **({"force_unit": some.forces.unit} if some.forces else {}),
        "seeds": sorted(runs),
        "value": float(f"{sum(item.result.primary.value for item in runs.values()) / len(runs):.6g}"),
        "split": first.task.split_digest,
        **({"speed": speed} if speed else {}),
        **described_file(path, folder, url),
    }


def _weights(folder: Path, request: PackRequest, model: CheckpointEntry) -> dict[str, Any]:
    weights: dict[str, Any] = {"encoder_digest": model.encoder_digest}
    if request.checkpoint is None:
        if request.checkpoint_url:
            raise UserError("--checkpoint-url needs --checkpoint, whose size and digest the card gives")
        return weights
    from molbench.evaluation.candidates.checkpoint import encoder_digest
    from molbench.training.checkpoint import Checkpoint

    if encoder_digest(Checkpoint.load(request.checkpoint)) != model.encoder_digest:
        raise UserError(f"{request.checkpoint}: is not what was evaluated as '{model.name}'")
    path = request.checkpoint
    if request.checkpoint_url is None:
        path = folder / f"checkpoint{request.checkpoint.suffix}"
        path.write_bytes(request.checkpoint.read_bytes())
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
    known = Catalogue.load().entries
    corpora = []
    for stage in stages(model.pretraining):
        name = str(stage.get("dataset") or "unknown")
        corpus: dict[str, Any] = {"dataset": name} if name in known else {"other": name}
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
