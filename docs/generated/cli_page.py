"""The reference of the command line, read from the parser itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

HEAD = """# Command line

What `molbench COMMAND --help` says, on one page. The command ends with 0 when all went well; with 2 when
the input was wrong, which one line tells; with 1 when something that was asked for could not be done; after
signal n with 128 + n, and the same command then continues.
"""


def cli_page() -> str:
    """Markdown: every command with its arguments and options."""
    from molbench.cli.main import app

    return "\n".join([HEAD, *_commands(typer.main.get_command(app), "molbench")])


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    level = 2 if name.count(" ") < 2 else 3
    if name == "molbench":
        yield from _tables(command, name)
    else:
        yield f"{'#' * level} {name}\n\n{inspect.cleandoc(command.help or '')}\n"
        if not inner:
            yield from _tables(command, name)
    for word, one in inner.items():
        yield from _commands(one, f"{name} {word}")


def _tables(command: Any, name: str) -> Iterator[str]:
    with command.make_context(name, [], resilient_parsing=True) as context:
        yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        for kind in ("argument", "option"):
            params = (p for p in command.params if p.param_type_name == kind)
            if rows := [_row(*record) for p in params if (record := p.get_help_record(context))]:
                yield f"| {kind} | meaning |\n| --- | --- |\n" + "\n".join(rows) + "\n"


def _row(spelling: str, meaning: str) -> str:
    text = " ".join(meaning.split()).replace("|", "\\|").replace("<", "&lt;")
    return f"| `{spelling}` | {text} |"
