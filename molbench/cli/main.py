"""``molbench``: the entry point that gathers the verbs."""

import os
import signal
import sys
import warnings
from errno import ENOSPC
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from molbench.cli import (
    audit,
    board,
    clean,
    compare,
    convert,
    data,
    doctor,
    embed,
    evaluate,
    join,
    listing,
    plot,
    pretrain,
    push,
    schema,
    score,
    study,
    submit,
)
from molbench.errors import UserError
from molbench.escape import visible_lines
from molbench.executors.base import InterruptedWorkError, SubmittedWorkError
from molbench.executors.parent import exit_with_parent

app = typer.Typer(
    name="molbench",
    help="Standard molecular datasets, pretraining methods, and one command that scores any checkpoint.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing rich would double the time it takes
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(listing.app, name="list", help="Show what there is: datasets, tasks, splits, suites, methods …")
app.add_typer(data.app, name="data", help="Build, check, describe and publish datasets.")
app.add_typer(audit.app, name="audit", help="What pretraining has seen, and whether an encoder keeps laws.")
app.command()(pretrain.pretrain)
app.command()(evaluate.evaluate)
app.command()(join.join)
app.command()(compare.compare)
app.command()(clean.clean)
app.command()(score.score)
app.command()(embed.embed)
app.command()(convert.convert)
app.command()(push.push)
app.command()(plot.plot)
app.command()(plot.atlas)
app.add_typer(submit.app, name="submit", help="Pack results, check submissions, take them back.")
app.add_typer(board.app, name="board", help="Turn results into ranked tables.")
app.add_typer(study.app, name="study", help="Experiments around the benchmark: tables, figures, commands.")
app.command()(schema.schema)
app.command()(doctor.doctor)


def _version(show: bool) -> None:
    if show:
        from molbench import __version__

        typer.echo(f"molbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Gather the options that stand before a verb."""


def main() -> None:
    """Run the command line.

    Mistakes in the input, and whatever the system refuses (a full disk, a folder that may not be written to),
    end with one message and exit code 2; signals end with 128 and their number, as shells expect.
    """
    _open_streams()
    signal.signal(signal.SIGTERM, _end)
    warnings.formatwarning = _as_line
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_fork)
    try:
        app()
    except SubmittedWorkError as error:
        sys.stderr.write(f"{error}\n")
    except InterruptedWorkError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        sys.stderr.write(visible_lines(f"error: {error}") + "\n")
        sys.exit(2)
    except _EndError:
        sys.stderr.write("ended; the same command continues\n")
        sys.exit(128 + signal.SIGTERM)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command continues\n")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone: stop quietly, as other command-line tools do.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        free = "; make room where results, $MOLBENCH_HOME or temporary files lie" * (error.errno == ENOSPC)
        sys.stderr.write(visible_lines(f"error: {file}{error.strerror or error}{free}") + "\n")
        sys.exit(2)


def _open_streams() -> None:
    """Stand in for standard streams that are closed, and spell out what one has no sign for.

    The next file that is opened would have their number, and what libraries print would stand in it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end of the process
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _as_line(message: Warning | str, category: type[Warning], *others: Any, **more: Any) -> str:
    """A warning of this program as a line for its user; one of a library with the place in the code."""
    if category.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return visible_lines(f"warning: {message}") + "\n"
    return _PYTHONS_FORMAT(message, category, *others, **more)


_PYTHONS_FORMAT = warnings.formatwarning


class _EndError(BaseException):
    """SIGTERM, as an exception, so that whatever cleans up after itself does."""


def _in_fork() -> None:
    """A process that a library forks ends by SIGTERM at once, and with this one, however that ends.

    It could miss a signal that comes just before it waits, and the library would wait for its end.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    exit_with_parent()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _EndError
