"""Figures of results, each with the numbers behind it as a table."""
