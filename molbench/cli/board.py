"""``molbench board``: turn results into ranked tables, and show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molbench.arguments import comma_separated, require_folder, require_results
from molbench.cli import complete
from molbench.cli.console import table_console
from molbench.cli.mistakes import refuse_unknown_boards
from molbench.escape import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molbench.leaderboard import Table
    from molbench.leaderboard.entry import SetAside
    from molbench.leaderboard.records import Records

app = typer.Typer(no_args_is_help=True)

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the generated tables.")]
Results = Annotated[
    Path | None,
    typer.Option("--results", "-r", help="Folder of results of your own, in the place of submissions."),
]
Submissions = Annotated[
    Path | None,
    typer.Option("--submissions", "-s", help="Folder of submissions; submissions/ where there are some."),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        autocompletion=complete.boards,
        help="Boards, or YAML files of some; all that have results by default.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def build(
    names: Names = None,
    results: Results = None,
    submissions: Submissions = None,
    output: Output = Path("leaderboards"),
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Score all predictions of submissions again; else receipts are believed whose files are as "
            "they were.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write each board as Markdown, CSV and pages, and records.json.

    Of submissions, or of results of your own, from stored predictions alone. Where boards are named, pages
    and records.json know these alone.
    """
    refuse_unknown_boards(names or ())
    if results is not None:
        require_results(results)
    if results is None and (root := submissions or _submissions()) is not None:
        _publish(names, root, output, as_json=as_json, check=check)
        if not check:
            typer.echo("receipts are believed as they are; --check scores the predictions again", err=True)
        return
    _build(names, results or Path("results"), output, as_json=as_json)


@app.command()
def serve(
    names: Names = None,
    results: Results = None,
    submissions: Submissions = None,
    output: Output = Path("leaderboards"),
    port: Annotated[int, typer.Option(help="Port on this machine; 0 for any.")] = 8000,
) -> None:
    """Show the pages in a browser, made anew whenever results or submissions have changed."""
    from molbench.evaluation.result import result_files
    from molbench.site.serve import Live, server
    from molbench.submission.folder import RECEIPT, submissions_in

    def say(text: str) -> None:
        typer.echo(visible(text), err=True)

    root = None if results else submissions or _submissions()
    results_folder = results or Path("results")
    if root is None:
        live = Live(lambda: result_files(results_folder), lambda: _build(names, results_folder, output), say)
    else:
        live = Live(
            lambda: [folder / RECEIPT for folder in submissions_in(root) if (folder / RECEIPT).is_file()],
            lambda: _publish(names, root, output),
            say,
        )
    live.refresh()
    with server(live, output / "site", port) as running:
        typer.echo(f"http://127.0.0.1:{running.server_port}/ (end with Ctrl-C)")
        running.serve_forever()


@app.command()
def show(
    name: Annotated[str, typer.Argument(autocompletion=complete.boards, help="Name of a board.")],
    output: Output = Path("leaderboards"),
    as_json: Json = False,
) -> None:
    """Print a board that was built before."""
    if not output.is_dir():
        refuse_unknown_boards([name])
    require_folder(output, f"molbench board build {name} --output {output}")
    from molbench.leaderboard import load_table
    from molbench.leaderboard.render import to_json

    table = load_table(name, output)
    if as_json:
        typer.echo(to_json(table), nl=False)
    else:
        _print(table)


def _build(names: list[str] | None, results: Path, output: Path, *, as_json: bool = False) -> None:
    from molbench.leaderboard import build_boards
    from molbench.site.evidence import Evidence
    from molbench.site.write import refuse_other_pages, write_site
    from molbench.spec.catalogue import Catalogue

    refuse_other_pages(output / "site")
    built = build_boards(results, output, names or ())
    write_site(built.records, Evidence.of(built.results), Catalogue.load(), output / "site")
    _written(built.records, output, as_json)
    _told(built.empty, "results", built.aside)


def _submissions() -> Path | None:
    """Where submissions lie that somebody in a clone means."""
    from molbench.submission.folder import submissions_in

    root = Path("submissions")
    return root if root.is_dir() and submissions_in(root) else None


def _publish(
    names: list[str] | None, root: Path, output: Path, *, as_json: bool = False, check: bool = False
) -> None:
    from molbench.leaderboard.publish import publish
    from molbench.site.submitted import evidence_of
    from molbench.site.write import refuse_other_pages, write_site
    from molbench.spec.catalogue import Catalogue

    refuse_other_pages(output / "site")
    published = publish(root, output, names or (), check=check)
    catalogue = Catalogue.load()
    evidence = evidence_of(published.records, root, catalogue)
    write_site(published.records, evidence, catalogue, output / "site")
    _written(published.records, output, as_json)
    _told(published.empty, "submissions", published.aside)


def _written(records: Records, output: Path, as_json: bool) -> None:
    from molbench.leaderboard.render import to_json

    for table in records.boards:
        if as_json:
            typer.echo(to_json(table), nl=False)
        else:
            typer.echo(f"{output / table.name}.md, .csv: {len(table.rows)} models, {len(table.tasks)} tasks")
    if not as_json:
        typer.echo(f"{output / 'site' / 'index.html'}: the pages")


def _told(empty: list[str], what: str, aside: list[SetAside]) -> None:
    for name in empty:
        typer.echo(f"{name}: no {what}, not written", err=True)
    _told_aside(aside)


def _told_aside(aside: Sequence[SetAside]) -> None:
    for one in aside:
        typer.echo(visible(f"set aside: {one.path}: {one.reason}"), err=True)


@app.command()
def against(
    model: Annotated[str, typer.Argument(help="Name of the model that all others are compared with.")],
    name: Annotated[str, typer.Argument(autocompletion=complete.boards, help="Name of a board.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="Only these, with commas between or repeated; p is adjusted for them."
        ),
    ] = None,
    submissions: Submissions = None,
    *,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it too: a .png, .svg or .pdf; the numbers beside it as .csv.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the models of a board with one of them, over the tasks that both have.

    Of submissions, whose receipts are believed; p is adjusted for all models that are listed.
    """
    refuse_unknown_boards([name])
    if plot is not None:
        from molbench.evaluation.figures.canvas import require_figure

        require_figure(plot)
    from molbench.leaderboard.against import gains_over

    compared = gains_over(
        model, name, submissions or Path("submissions"), comma_separated(only or ()), _told_aside
    )
    if plot is not None:
        from molbench.leaderboard.gains_figure import write_gains

        for path in write_gains(compared, model, name, plot):
            typer.echo(str(path), err=True)
    if as_json:
        typer.echo(json.dumps([one.to_row() for one in compared], ensure_ascii=False, indent=1))
        return
    from rich.table import Table as Grid

    from molbench.leaderboard.render import gain

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for column in ("model", f"error of {model} removed", "tasks"):
        grid.add_column(column, justify="right" if column == "tasks" else "left")
    for one in compared:
        grid.add_row(one.model, gain(one.gain), str(one.tasks))
    table_console().print(grid)
    typer.echo("95 % intervals over test records and seeds; p raw, then adjusted by Holm's method", err=True)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="Folder of boards that were built before.")],
    after: Annotated[Path, typer.Argument(help="Folder of boards that were built since.")],
) -> None:
    """Say which scores and places differ between two builds, and why."""
    from molbench.leaderboard.diff import changes
    from molbench.leaderboard.records import Records

    listed = changes(Records.read(before), Records.read(after))
    for change in listed:
        cell = f"{change.board}: {change.model}" + (f" on {change.task}" if change.task else "")
        typer.echo(visible(f"{cell}: {change.before or '-'} -> {change.after or '-'}: {change.why}"))
    typer.echo(f"{len(listed)} differences", err=True)


def _print(table: Table) -> None:
    from rich.table import Table as Grid

    from molbench.leaderboard.render import estimate, gain, pretraining

    console = table_console()
    console.print(f"{table.title} (protocol {table.protocol['name']})")
    if table.missing:
        console.print(f"{len(table.missing)} tasks have no results yet")
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for column in ("rank", "95 %", "model", "pretraining", "relative error", "gain over scratch", "tasks"):
        grid.add_column(column, justify="right" if column in {"rank", "tasks"} else "left")
    for row in table.rows:
        grid.add_row(
            "-" if row.rank is None else str(row.rank),
            "" if row.rank is None else f"{row.rank}-{row.rank_high}",
            row.model,
            pretraining(row),
            estimate(row.relative_error) if row.relative_error else "",
            gain(row.gain) if row.gain else "",
            f"{row.tasks}/{len(table.tasks) + len(table.missing)}",
        )
    console.print(grid)
