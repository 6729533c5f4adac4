"""Raw files: found on disk or downloaded, and always checked."""

from molbench.data.sources.fetch import MissingSourceError, fetch

__all__ = ["MissingSourceError", "fetch"]
