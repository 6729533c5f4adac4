"""Loops in C behind a few sums and activations, where eager PyTorch would pass over memory many times."""
