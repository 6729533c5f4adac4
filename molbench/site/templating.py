"""Templates, and how text and numbers appear in them."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from molbench.escape import visible
from molbench.numbers import plain, spread

_HERE = Path(__file__).parent
_PLAIN_NAME = re.compile(r"(?!.*--)[a-z0-9](?:[a-z0-9._@-]{0,60}[a-z0-9])?")
_ADDRESS = re.compile(r"https?://[^\s<>\"'\\]+")


@cache
def environment() -> Environment:
    """Templates that escape whatever they are given and refuse what they are not given."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"slug": slug, "plain": plain, "spread": spread, "address": address}
    made.policies["json.dumps_kwargs"] = {"sort_keys": False}
    made.globals["asset"] = asset
    return made


def render(template: str, **values: Any) -> str:
    """One page."""
    return environment().get_template(template).render(**values)


@cache
def asset(name: str) -> Markup:
    """A style sheet or script of the project, to stand inside a page: a page is whole without other files."""
    return Markup((_HERE / "assets" / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def slug(name: str) -> str:
    """A file name for a model, task or dataset: its own name where that is plain, else one with a digest.

    Names that differ in case only, or by characters that no file name has, get different files. The slash in
    the id of a task becomes two hyphens.
    """
    parts = name.split("/")
    if len(parts) < 3 and all(_PLAIN_NAME.fullmatch(part) for part in parts):
        return "--".join(parts)
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{readable}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}".lstrip("-")


def address(text: str | None) -> str | None:
    """An address that a link may lead to; None for any other, such as ``javascript:``."""
    return text if text and _ADDRESS.fullmatch(text) else None


def _finalize(value: Any) -> Any:
    """Text of strangers as one line without hidden characters; the template escapes it next."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
