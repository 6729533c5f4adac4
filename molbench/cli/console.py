"""Where tables and progress go."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

    from molbench.progress import ProgressCallback


def table_console() -> "Console":
    """Standard output for tables.

    A pipe has no width of its own, and 80 columns would fold what a file or another program is to keep.
    """
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200)


def plain_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()
) -> Iterator[str]:
    """Lines of a table as wide as the terminal, whose last column is folded; without the cost of rich.

    Args:
        header: Names of the columns.
        rows: Cells, one line each.
        right: Columns that are set to the right.
    """
    import shutil
    import textwrap

    total = shutil.get_terminal_size((200, 24)).columns if sys.stdout.isatty() else 200
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    left = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(total - left, 24)
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header[:-1], row[:-1], widths[:-1], strict=True)
        ]
        first, *further = textwrap.wrap(row[-1], room) or [""]
        yield "  ".join([*cells, first]).rstrip()
        yield from (" " * left + line for line in further)


def bar_of(*columns: "ProgressColumn", quiet: bool = False, **options: Any) -> "Progress":
    """A bar on standard error while work goes on; none in a file, where all of its states would be kept.

    Args:
        columns: What it is made of.
        quiet: Whether there is to be none on a terminal either.
        **options: Of :class:`rich.progress.Progress`.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal, **options)


@contextmanager
def progress_bars() -> Iterator["ProgressCallback"]:
    """A bar for each stage of the work, on the error stream."""
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with bar_of(*columns, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
