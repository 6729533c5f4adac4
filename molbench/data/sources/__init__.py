"""Raw files: found on disk or downloaded, and always checked."""

from molbench.data.sources.fetch import fetch

__all__ = ["fetch"]
