"""Encoders of pairs of 2-D molecular graphs."""
