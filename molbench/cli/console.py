"""Where tables go."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def table_console() -> "Console":
    """Standard output for tables.

    A pipe has no width of its own, and 80 columns would fold what a file or another program is to keep.
    """
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)
