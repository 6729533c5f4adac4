"""Requests: filled alike from Python and from the command line, and checked."""

from dataclasses import FrozenInstanceError, dataclass, fields
from pathlib import Path
from typing import Annotated

import pytest
import typer
from annotated_types import Ge
from typer.testing import CliRunner

from molbench.cli.request import options_of
from molbench.errors import UserError
from molbench.executors.request import ExecutorRequest
from molbench.spec.build import BuildRequest
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask, by_fields, descriptions


@dataclass(frozen=True)
class Order:
    """Something to eat.

    Attributes:
        dish: What it is,
            in a word or two.
        plates: How many.
        without: Left out.
        folder: Where to.
    """

    dish: str
    plates: Annotated[int, Ge(1)] = 1
    without: tuple[str, ...] = ()
    folder: Path | None = None


@pytest.mark.parametrize("request_type", [Order, PretrainRequest, BuildRequest, ExecutorRequest])
def test_every_field_is_described(request_type: type) -> None:
    assert list(descriptions(request_type)) == [field.name for field in fields(request_type)]
    assert all(descriptions(request_type).values())


def test_values_are_checked_and_named() -> None:
    order = ask(Order, "soup", plates=2, without=["salt"], folder="home")  # type: ignore[arg-type]
    assert order == Order("soup", 2, ("salt",), Path("home"))
    with pytest.raises(FrozenInstanceError):
        order.plates = 3  # type: ignore[misc]
    with pytest.raises(UserError, match="plates: Input should be greater than or equal to 1, not 0"):
        ask(Order, "soup", plates=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'plate'"):
        ask(Order, "soup", plate=1)  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"^steps and epochs exclude each other$"):
        ask(PretrainRequest, "coord", data="d", output=Path("c.pt"), steps=1, epochs=1)


def test_a_function_takes_the_fields() -> None:
    def cook(order: Order) -> str:
        """Cook."""
        return f"{order.plates} {order.dish}"

    serve = by_fields(Order, cook, "serve")
    assert serve("soup", plates=2) == "2 soup"
    assert serve.__name__ == "serve"
    assert "dish: What it is, in a word or two." in (serve.__doc__ or "")


def test_a_command_takes_them_too() -> None:
    asked = {}

    @options_of(Order, dish=Annotated[str, typer.Argument()], without=list[str])
    def cook(given: dict[str, object]) -> None:
        """Cook."""
        asked.update(given)

    app = typer.Typer(rich_markup_mode=None)  # else lines are broken in older versions
    app.command()(cook)
    run = CliRunner().invoke
    assert run(app, ["soup", "--without", "salt", "--without", "oil"]).exit_code == 0
    assert asked == {"dish": "soup", "plates": 1, "without": ["salt", "oil"]}
    shown = run(app, ["--help"]).output
    assert "What it is, in a word or two." in shown
    assert run(app, []).exit_code == 2
