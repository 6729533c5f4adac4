"""Pieces that objectives share."""
