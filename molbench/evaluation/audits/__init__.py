"""Audits: laws and sensitivities of an encoder, scored and stored beside its tasks."""
