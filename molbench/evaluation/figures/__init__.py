"""Figures of results, each with the numbers behind it as a table."""

from collections.abc import Iterable

from molbench.arguments import comma_separated
from molbench.errors import unknown_name

#: Kinds of figure that a folder of results may have; each is drawn by the function of its name in the module
#: of its name, from :class:`~molbench.evaluation.figures.records.Shown`.
KINDS = ("strip", "parity", "errors", "curves", "learning", "radar", "cost")
#: How figures are stored.
FORMATS = ("png", "svg", "pdf")


def figure_kinds(asked: str | Iterable[str], form: str) -> list[str]:
    """The kinds that are asked for by name, several with commas between.

    Raises:
        UserError: If one of them, or the format, is not known.
    """
    kinds = comma_separated(asked)
    if wrong := next((kind for kind in kinds if kind not in KINDS), None):
        raise unknown_name("kind of figure", wrong, KINDS)
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    return kinds
