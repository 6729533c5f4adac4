"""Predictions that somebody hands in, for models that never leave their owner."""
