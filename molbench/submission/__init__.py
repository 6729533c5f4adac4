"""Submissions: results packed with a card of their model, and checked without running anything of it."""
