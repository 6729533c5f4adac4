"""``molbench audit model``: all audits of a checkpoint, stored beside its results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from molbench.arguments import listed
from molbench.atomic import replace_file
from molbench.backbones.base import geometry_encoder
from molbench.data.read.store import Store
from molbench.errors import UserError, unknown_name
from molbench.evaluation.audits import energies, sensitivities, symmetries
from molbench.evaluation.audits.base import AuditResult, ModelAudit, NotAuditableError, Subject
from molbench.evaluation.candidates.checkpoint import encoder_digest, require_model_name
from molbench.graph.molecules import MoleculeBatch
from molbench.spec.catalogue import Catalogue
from molbench.training.checkpoint import Checkpoint

AUDIT_FILE = "audit.json"
#: Molecules that every encoder is audited on, small and embedded.
MOLECULES, _TASK = 16, "xtb-molecules/homo"

AUDITS: dict[str, ModelAudit] = {
    audit.name: audit
    for module in (symmetries, sensitivities, energies)
    for audit in vars(module).values()
    if isinstance(audit, ModelAudit)
}


def audit_model(
    checkpoint: str | Path, *, only: str | Sequence[str] = (), output: str | Path = "results"
) -> list[AuditResult]:
    """Audit an encoder on molecules that come with the package; audits that were done are used again.

    Args:
        checkpoint: A checkpoint file.
        only: Names of audits, ``rotation`` or ``audit/rotation``; all by default.
        output: Folder of results; each audit is ``<model>/audit/<name>/audit.json``.

    Raises:
        UserError: If the checkpoint is none or encodes no geometries, or an audit is unknown.
    """
    path = Path(checkpoint)
    wanted = [part.strip().removeprefix("audit/") for text in listed(only) for part in text.split(",")]
    if wrong := next((name for name in wanted if name not in AUDITS), None):
        raise unknown_name("audit", wrong, AUDITS)
    loaded = Checkpoint.load(path)
    model = require_model_name(path.stem, f"{path}: results are kept under the name of the file")
    encoder = geometry_encoder(loaded.build().double().eval(), "an audit")
    subject = _subject(encoder)
    digest = encoder_digest(loaded)
    return [
        _audit(AUDITS[name], subject, model, digest, Path(output) / model / "audit" / name / AUDIT_FILE)
        for name in wanted or AUDITS
    ]


def _subject(encoder: torch.nn.Module) -> Subject:
    (ref,) = Catalogue.load().tasks([_TASK])
    if ref.folder is None:
        raise UserError("xtb-molecules, which comes with the package, is not there")
    store = Store.open(ref.folder, ref.subset)
    rows = np.asarray(store.rows(ref.scheme_name, "test"))
    rows = rows[np.linspace(0, rows.size - 1, MOLECULES).round().astype(int)]
    batch = store.batch(rows)
    bare = MoleculeBatch(batch.atomic_numbers, batch.positions.double(), batch.ptr)
    return Subject(geometry_encoder(encoder, "an audit"), bare, store.column("smiles").take(rows).to_pylist())  # type: ignore[arg-type]


def _audit(audit: ModelAudit, subject: Subject, model: str, digest: str, path: Path) -> AuditResult:
    atoms = subject.batch.atomic_numbers.numpy().tobytes() + subject.batch.positions.numpy().tobytes()
    parts = [digest, audit.id, audit.version, audit.tolerance, audit.bound, sha256(atoms).hexdigest()]
    key = sha256(json.dumps(parts).encode()).hexdigest()
    if (before := _read(path)) is not None and before.key == key:
        return before
    score, passed, reason = None, None, None
    values: np.ndarray = np.empty(0)
    try:
        with torch.random.fork_rng(devices=[]):
            values = np.asarray(audit.measure(subject), float)
        least = audit.bound == "at least"
        score = float(values.min() if least else values.max()) if np.isfinite(values).all() else None
        if audit.tolerance is not None:
            kept = score is not None and (score >= audit.tolerance if least else score <= audit.tolerance)
            passed = bool(kept)
    except NotAuditableError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - one audit that fails leaves the others alone
        passed, reason = False, f"{type(error).__name__}: {error}"
    result = AuditResult(
        id=audit.id, version=audit.version, meaning=audit.meaning, unit=audit.unit, tolerance=audit.tolerance,
        bound=audit.bound, model=model, encoder_digest=digest, key=key, score=score, passed=passed,
        values=[float(value) for value in values if np.isfinite(value)], not_applicable=reason,
    )  # fmt: skip
    with replace_file(path) as temporary:
        temporary.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return result


def _read(path: Path) -> AuditResult | None:
    try:
        return AuditResult.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        return None  # absent, or of another version: it is done again
