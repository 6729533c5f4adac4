"""Commands in this process, without starting Python."""

from typer.testing import CliRunner, Result

from molbench.cli import main


def run_command(*arguments: object) -> str:
    """What a command prints, remarks included; whatever it raises is raised here."""
    return _result(arguments).output


def printed(*arguments: object) -> str:
    """What a command prints without its remarks, such as a table or JSON; likewise."""
    return _result(arguments).stdout


def _result(arguments: tuple[object, ...]) -> Result:
    result = CliRunner().invoke(main.app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result
