"""Molecules as graphs: the flat batch, its edges, and sums over both."""
