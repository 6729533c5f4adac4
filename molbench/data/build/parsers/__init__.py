"""Parsers: raw files of the published layouts into Arrow tables of records, with every bad record named.

A parser is one file with a :class:`~molbench.data.build.parsers.base.Parser`, a frozen dataclass whose fields
are the options of ``dataset.yaml``; other packages add theirs through the entry-point group
``molbench.parsers``.
"""

from collections.abc import Mapping
from typing import Any

from molbench.data.build.parsers.base import Chunk, Failure, Parser, Shard
from molbench.registry import Registry
from molbench.spec.config import parse_config

__all__ = ["PARSERS", "Chunk", "Failure", "Parser", "Shard", "build_parser"]

PARSERS: Registry[type[Parser]] = Registry("parser", __name__, "molbench.parsers")


def build_parser(name: str, options: Mapping[str, Any] | None = None) -> Parser:
    """A parser with its options.

    Args:
        name: As registered.
        options: Fields of the parser.

    Raises:
        UserError: If the name or an option is unknown, or a value is missing or has the wrong type.
    """
    return parse_config(f"parser '{name}'", PARSERS[name], options)
