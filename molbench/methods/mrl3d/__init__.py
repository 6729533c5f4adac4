"""3DMRL: pairs of molecules learn from a solvent shell in space."""
