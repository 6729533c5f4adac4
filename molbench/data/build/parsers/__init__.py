"""Parsers: raw files of the published layouts into Arrow tables of records, with every bad record named."""

from molbench.data.build.parsers.base import PARSERS, Chunk, Failure, Parser, Shard

__all__ = ["PARSERS", "Chunk", "Failure", "Parser", "Shard"]
