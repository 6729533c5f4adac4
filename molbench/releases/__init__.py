"""Weights that others published, as checkpoints of ours."""
