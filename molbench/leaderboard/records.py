"""``records.json``: every number of every board, each told once; pages, Markdown and CSV are made from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.leaderboard.card import Card
from molbench.leaderboard.score import Score
from molbench.leaderboard.table import Table
from molbench.spec.base import Spec

RECORDS_FILE = "records.json"
FORMAT = 1
Key = TypeVar("Key", bound=Hashable)


class Records(Spec):
    """What a build of boards knows.

    Attributes:
        cards: Of every model, by name.
        boards: In order of their names; each has the scores that it shows.
    """

    format: int = FORMAT
    cards: list[Card]
    boards: list[Table]

    @property
    def scores(self) -> list[Score]:
        """Every record of every board."""
        return [score for board in self.boards for score in board.scores]

    @cached_property
    def by_task(self) -> dict[str, list[Score]]:
        """Records of every board by task."""
        return _grouped(self.scores, lambda score: score.task)

    @cached_property
    def by_row(self) -> dict[tuple[str, str], list[Score]]:
        """Records by board and model."""
        return _grouped(self.scores, lambda score: (score.board, score.model))

    def board(self, name: str) -> Table | None:
        """One board; None if it was not built."""
        return next((board for board in self.boards if board.name == name), None)

    def write(self, folder: Path) -> None:
        """Write ``records.json`` into ``folder``, a line a record; the same records give the same bytes."""
        with replace_file(folder / RECORDS_FILE) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(self._text())

    def _text(self) -> Iterator[str]:
        """The file piece by piece: boards of thousands of models would take more memory as one text."""
        yield f'{{"format":{self.format},"cards":[\n'
        yield from _lines(self.cards)
        yield '],"boards":[\n'
        for i, board in enumerate(self.boards):
            head = board.model_dump_json(exclude={"scores"}).removesuffix("}")
            yield f'{"," if i else ""}{head},"scores":[\n'
            yield from _lines(board.scores)
            yield "]}\n"
        yield "]}\n"

    @classmethod
    def read(cls, folder: Path) -> Records:
        """Read what :meth:`write` wrote.

        Raises:
            UserError: If there is none, or it is damaged.
        """
        path = folder / RECORDS_FILE
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path}: no boards were built here; `molbench board build` makes them") from None
        except (ValidationError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: damaged: {str(error).splitlines()[0]}; build it again") from error


def _lines(items: Sequence[Spec]) -> Iterator[str]:
    for i, item in enumerate(items):
        yield ("," if i else "") + item.model_dump_json() + "\n"


def _grouped(scores: Iterable[Score], key: Callable[[Score], Key]) -> dict[Key, list[Score]]:
    groups: dict[Key, list[Score]] = {}
    for score in scores:
        groups.setdefault(key(score), []).append(score)
    return groups
