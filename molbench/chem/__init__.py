"""Chemistry through RDKit: identity keys and scaffolds."""
