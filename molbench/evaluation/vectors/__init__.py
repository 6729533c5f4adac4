"""Vectors of records that were made elsewhere."""
