"""Raw files: found on disk or downloaded, and always checked."""

from molbench.data.build.sources.fetch import MissingSourceError, fetch

__all__ = ["MissingSourceError", "fetch"]
