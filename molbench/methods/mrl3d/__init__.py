"""3DMRL: pairs of molecules learn from a virtual environment in space."""
