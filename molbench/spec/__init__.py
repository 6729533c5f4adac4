"""Declarations: every YAML file of the catalogue as a checked, immutable model."""
