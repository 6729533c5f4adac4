"""Experiments around the benchmark, each a command: a table, a figure and how to make them again."""
