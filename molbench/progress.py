"""How long work says how far it is."""

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int | None], None]
"""Called with the stage of the work, how much of it is done (bytes of a download, else records), and the
total where it is known."""
