"""Audits: laws and sensitivities of an encoder, listed by name and not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.evaluation.audits.base import EncoderAudit

#: What is measured, by the name of the audit in ``datasets/audits.yaml``.
AUDITS: Registry[EncoderAudit] = Registry("audit", __name__, "molbench.audits")
