"""Source files that PyTorch Geometric writes for its layers, and leaves."""

import sys
from pathlib import Path
from tempfile import gettempdir

_SUFFIXES = ("_propagate", "_edge_updater")


def remove_templates() -> None:
    """Remove the files of this process's layers, which have been imported and are not read again."""
    folder = Path(gettempdir())
    for name, module in list(sys.modules.items()):
        if name.endswith(_SUFFIXES):
            path = Path(getattr(module, "__file__", None) or "")
            if path.parent == folder:
                path.unlink(missing_ok=True)
