"""Commands in this process, without starting Python."""

from typer.testing import CliRunner

from molbench.cli import main


def run_command(*arguments: object) -> str:
    """What a command prints; whatever it raises is raised here."""
    result = CliRunner().invoke(main.app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.output
