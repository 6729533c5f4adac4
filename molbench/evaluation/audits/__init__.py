"""Audits: laws and sensitivities of an encoder, listed by name and not imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from molbench.arguments import comma_separated
from molbench.errors import unknown_name
from molbench.registry import Registry
from molbench.spec.catalogue import AUDIT, Catalogue, TaskRef

if TYPE_CHECKING:
    from molbench.evaluation.audits.base import EncoderAudit

#: What is measured, by the name of the audit in ``datasets/audits.yaml``.
AUDITS: Registry[EncoderAudit] = Registry("audit", __name__, "molbench.audits")


def audits_named(only: str | Sequence[str]) -> list[TaskRef]:
    """Audits by name, ``rotation`` or ``audit/rotation``, several with commas between; all by default.

    Raises:
        UserError: If one is unknown.
    """
    refs = {ref.name: ref for ref in Catalogue.load().tasks(f"{AUDIT}/*")}
    requested = [part.removeprefix(f"{AUDIT}/") for part in comma_separated(only)]
    if wrong := next((part for part in requested if part not in refs), None):
        raise unknown_name("audit", wrong, refs)
    return [refs[part] for part in requested or refs]
