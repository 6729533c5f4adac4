"""Tables of the pages on speed, from what benchmarks measured: ``docs/generated/benchmarks/*.json``.

``python -m docs.generated.benchmark_page`` puts each between the marks of its name; the prose around stays.
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.record import Record

DOCS = Path(__file__).resolve().parents[1]
PAGES = (DOCS / "benchmarks.md", DOCS / "scaling.md")
MEASURED = Path(__file__).with_name("benchmarks")
#: What stands between the two marks is made of the file of that name.
BLOCK = re.compile(r"(?P<start><!-- measured: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->\n)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with its tables as they were measured last."""

    def filled(block: re.Match[str]) -> str:
        table = Record.read(MEASURED / f"{block['name']}.json").markdown()
        return f"{block['start']}\n{table}\n\n{block['end']}"

    return BLOCK.sub(filled, page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
