"""Text that somebody else wrote, made harmless for where it is shown: the one place where that is done.

Names, titles and messages may come from a stranger's checkpoint, submission or data file. Nothing they hold
may move a terminal's cursor, turn the order of letters, open a cell, a link or a tag, or start a formula.
"""

import re
import unicodedata
from html import escape

#: Beside control characters (Cc): marks that reorder or hide text, lone surrogates, and line separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
#: What a spreadsheet takes for the start of a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "Å": r"\AA{}",
    "·": r"$\cdot$",
    "−": "$-$",
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"$^{digit}$" for digit in "0123456789"), strict=True)),
}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?%?")


def visible(text: str) -> str:
    """One line for a terminal: white space is one blank, hidden characters are spelt out as ``<U+202E>``."""
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line
    return "".join(_spelt(character) for character in line)


def visible_lines(text: str) -> str:
    """Like :func:`visible`, line by line."""
    return "\n".join(_indented(line) for line in text.splitlines())


def markdown(text: str) -> str:
    """Plain text in Markdown, also in a cell of a table: no markup, no HTML, no link."""
    return _MARKDOWN.sub(r"\\\1", escape(visible(text), quote=False))


def html(text: str) -> str:
    """Plain text in HTML, between tags or in a quoted attribute."""
    return escape(visible(text), quote=True)


def latex(text: str) -> str:
    """Plain text in LaTeX: no command, no mathematics, no comment; our own signs as it spells them."""
    return "".join(_LATEX.get(character, character) for character in visible(text))


def csv_cell(value: object) -> object:
    """A cell of a CSV file that no spreadsheet executes; numbers and a sign alone, as of a verdict, stay."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value) or (len(value) == 1 and value.isprintable()):
        return value
    shown = visible(value)  # white space before a sign is gone there
    return f"'{shown}" if value.startswith(_FORMULA) or shown.startswith(_FORMULA) else shown


def _indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))] + visible(line)


def _spelt(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN or not character.isprintable()
    return f"<U+{ord(character):04X}>" if hidden else character
