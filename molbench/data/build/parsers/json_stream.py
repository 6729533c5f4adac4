"""A JSON object of any length, one member at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from molbench.errors import UserError, error_line

_READ = 1 << 20
_MAX_MEMBER = 16 << 20
_BLANK = " \t\r\n"


def json_members(file: IO[bytes], path: Path) -> Iterator[tuple[str, Any]]:
    """Name and value of each member of the object that a file holds, in the order of the file.

    Args:
        file: UTF-8 text.
        path: Named in errors.

    Raises:
        UserError: If the file is no JSON object, is cut short, or a member is longer than 16 MiB.
    """
    try:
        yield from _Reader(file).members()
    except RecursionError as error:
        raise UserError(f"{path}: JSON nested too deeply") from error
    except ValueError as error:
        raise UserError(f"{path}: not a JSON object, it may be cut short: {error_line(error)}") from error


class _Reader:
    """A window of text that moves through the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = json.JSONDecoder()
        self._rest = b""
        self._text = ""
        self._at = 0
        self._done = False

    def members(self) -> Iterator[tuple[str, Any]]:
        """All members."""
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            name = self._value()
            if not isinstance(name, str):
                raise ValueError("the name of a member is no text")
            self._expect(":")
            yield name, self._value()
            if self._peek() != ",":
                break
            self._expect(",")
        self._expect("}")
        if self._peek():
            raise ValueError("something follows the object")

    def _fill(self) -> bool:
        """Read on; False at the end of the file."""
        block = self._file.read(_READ)
        self._done = not block
        # A character may be cut by the end of a block: its first bytes wait for the next one.
        data = self._rest + block
        whole = len(data) if self._done else _complete(data)
        self._text = self._text[self._at :] + data[:whole].decode("utf-8")
        self._rest, self._at = data[whole:], 0
        return not self._done

    def _peek(self) -> str:
        """The next character that is not blank, or nothing at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._done or not self._fill():
                return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"expected {character!r}")
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._done or len(self._text) - self._at > _MAX_MEMBER:
                    raise ValueError(f"unreadable member: {error.msg}") from None
            else:
                # A number at the end of the window may go on behind it.
                if end < len(self._text) or self._done:
                    self._at = end
                    return value
            self._fill()


def _complete(data: bytes) -> int:
    """Length of the longest beginning of ``data`` that ends with a whole UTF-8 character."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 != 0x80:
            needed = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) if back >= needed else len(data) - back
    return len(data)
