"""What things may be called that become part of a path, an id or a line on the terminal."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator

from molbench.errors import UserError, quoted, unknown_name
from molbench.registry import Registry

LONGEST = 64
"""Characters of a name."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_LONGEST_FILENAME = 255
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10))}
_SEPARATORS = frozenset('/\\:*?"<>|')


HUB_ID = re.compile(
    r"(?P<repo>[A-Za-z0-9][\w.-]*/(?P<name>[A-Za-z0-9][\w.-]*))"
    r"(?:@(?P<revision>[\w.-]+))?(?::(?P<file>[\w./-]+))?"
)
"""``owner/name`` of a repository on the Hugging Face Hub, perhaps a commit and a file of it."""

_FILES = (".pt", ".safetensors", ".parquet", ".npz")


def hub_id(text: str) -> re.Match[str] | None:
    """The parts of a repository's name; None of what is one of no repository, such as a path to a file."""
    match = HUB_ID.fullmatch(text)
    return None if match is None or match["repo"].lower().endswith(_FILES) else match


def check_name(name: str) -> str:
    """The name of a dataset, subset, split scheme, task, model, protocol or board, if it may be one.

    Raises:
        ValueError: If it may not, saying how names are made.
    """
    if len(name) > LONGEST:
        raise ValueError(f"{quoted(name)} is longer than the {LONGEST} characters of a name")
    if not _NAME.fullmatch(name) or ".." in name:
        raise ValueError(
            f"{quoted(name)} is no name: a name must be lower-case letters, digits, '.', '_' or '-', "
            "with a letter or digit at both ends and no two dots in a row"
        )
    if name.partition(".")[0] in _DEVICES:
        raise ValueError(f"{quoted(name)} is the name of a device on Windows; choose another")
    return name


def is_name(name: str) -> bool:
    """Whether something may be called so."""
    try:
        check_name(name)
    except ValueError:
        return False
    return True


def check_filename(name: str) -> str:
    """The name of one file, as other people chose it, if it is nothing but that.

    Raises:
        ValueError: If it could mean another folder, a device, or hide what it is on a terminal.
    """
    if not 0 < len(name.encode()) <= _LONGEST_FILENAME:
        raise ValueError(f"{quoted(name)} cannot name a file: it has no or too many characters")
    hidden = any(unicodedata.category(character)[0] in "CZ" and character != " " for character in name)
    if hidden or name[0] in ". " or name[-1] in ". " or not _SEPARATORS.isdisjoint(name):
        raise ValueError(
            f"{quoted(name)} cannot name a file: no separators and control characters, "
            "no dot or blank at either end"
        )
    if name.partition(".")[0].lower() in _DEVICES:
        raise ValueError(f"{quoted(name)} is the name of a device on Windows; choose another")
    return name


def require_name(name: str, what: str) -> str:
    """A name that the user gave.

    Args:
        name: The name.
        what: What is called so, for the message.

    Raises:
        UserError: If it may not be one.
    """
    try:
        return check_name(name)
    except ValueError as error:
        raise UserError(f"{what}: {error}") from error


def listed_name(registry: Registry[Any]) -> AfterValidator:
    """What refuses a field that names nothing of a registry."""

    def check(name: str) -> str:
        if name not in registry:
            raise ValueError(str(unknown_name(registry.kind, name, registry)))
        return name

    return AfterValidator(check)


Name = Annotated[str, AfterValidator(check_name)]
"""A field that holds a name."""

FileName = Annotated[str, AfterValidator(check_filename)]
"""A field that holds the name of a file."""
