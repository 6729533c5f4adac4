"""What benchmarks leave behind: where and when one ran, and a row of numbers for each thing that it measured.

A script makes its parser with :func:`options_of`, which adds ``--json FILE`` and ``--toy``, and ends with
:func:`report`. ``docs/benchmarks.md`` is made of the files, ``python -m docs.generated.benchmark_page``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

from molbench.errors import UserError

#: Modules whose version matters, where a script has loaded them, and what their packages are called.
PACKAGES = {
    "molbench": "molbench",
    "torch": "torch",
    "torch_geometric": "torch-geometric",
    "rdkit": "rdkit",
    "sklearn": "scikit-learn",
    "pyarrow": "pyarrow",
}


@dataclass(frozen=True)
class Spread:
    """A number that was measured several times."""

    min: float
    median: float
    max: float
    repeats: int

    @classmethod
    def of(cls, values: Sequence[float], scale: float = 1.0) -> Spread:
        """Of repeated measurements, each times ``scale``."""
        scaled = [scale * value for value in values]
        return cls(min(scaled), statistics.median(scaled), max(scaled), len(scaled))

    @classmethod
    def ratio(cls, upper: Sequence[float], lower: Sequence[float]) -> Spread:
        """Of what was measured in turns: repeat by repeat, the one over the other."""
        return cls.of([a / b for a, b in zip(upper, lower, strict=True)])


Cell = Spread | float | int | str | bool | None


@dataclass(frozen=True)
class Measured:
    """What was measured of one thing.

    Attributes:
        name: What was measured.
        cells: Column, with its unit, to number; a ratio's column says what it is to.
        peer: Who else was measured in the same run, where a number compares with it.
    """

    name: str
    cells: Mapping[str, Cell]
    peer: str | None = None


@dataclass(frozen=True)
class Record:
    """One run of a benchmark."""

    benchmark: str
    command: str
    date: str
    machine: Mapping[str, Any]
    threads: int | None
    repeats: int | None
    versions: Mapping[str, str]
    facts: Mapping[str, Cell] = field(default_factory=dict)
    rows: Sequence[Measured] = ()

    @classmethod
    def read(cls, path: Path) -> Record:
        """A record that :meth:`write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [Measured(row["name"], _cells(row["cells"]), row["peer"]) for row in content["rows"]]
        return cls(**{**content, "facts": _cells(content["facts"]), "rows": rows})

    def write(self, path: Path) -> None:
        """As JSON."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    def markdown(self) -> str:
        """The run in a line, then the table: medians, and in brackets the least and the most."""
        cores = f"{self.machine['processor']}, {self.machine['cores']} cores"
        cores += f", {self.machine['vectors']}" if "vectors" in self.machine else ""
        words = [f"`{self.command}`", self.date, cores, *(f"{n} {v}" for n, v in self.versions.items())]
        words += [f"{self.threads} thread{'s' * (self.threads > 1)}"] if self.threads else []
        words += [f"{self.repeats} repeat{'s' * (self.repeats > 1)}"] if self.repeats else []
        facts = [f"{name}: {shown(value)}" for name, value in self.facts.items()]
        columns = list(dict.fromkeys(name for row in self.rows for name in row.cells))
        columns += ["peer"] * any(row.peer for row in self.rows)
        lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for row in self.rows:
            cells = [shown({**row.cells, "peer": row.peer}.get(name)) for name in columns]
            lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
        told = ["; ".join(facts) + "."] if facts else []
        return "\n\n".join([" · ".join(words), *told, "\n".join(lines)])


def options_of(parser: argparse.ArgumentParser, toy: Mapping[str, Any]) -> argparse.Namespace:
    """Parse the command line.

    Args:
        parser: With the script's own options.
        toy: Defaults of these with ``--toy``, under which the script ends within seconds.
    """
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--toy", action="store_true", help="sizes that tell nothing and take seconds")
    if "--toy" in sys.argv:
        parser.set_defaults(**toy)
    sys.excepthook = _told
    return parser.parse_args()


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What the caller did wrong is said in a line; a fault of ours has its traceback."""
    if isinstance(error, UserError):
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def record(options: argparse.Namespace, rows: Sequence[Measured], **facts: Cell) -> Record:
    """What was measured until now, written where that is asked for.

    Args:
        options: What :func:`options_of` gave; ``threads`` and ``repeats`` are told where it has them.
        rows: What was measured.
        facts: What else a reader has to know, with words joined by underscores.
    """
    measured = Record(
        benchmark=Path(sys.argv[0]).stem,
        command=_command(),
        date=datetime.now(UTC).date().isoformat(),
        machine=_machine(),
        threads=getattr(options, "threads", None),
        repeats=getattr(options, "repeats", None),
        versions=_versions(),
        facts={name.replace("_", " "): value for name, value in facts.items()},
        rows=rows,
    )
    if options.json:
        measured.write(options.json)
    return measured


def report(options: argparse.Namespace, rows: Sequence[Measured], **facts: Cell) -> None:
    """:func:`record`, and print the table."""
    print(record(options, rows, **facts).markdown())


def shown(value: Cell) -> str:
    """A cell in words."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Spread(repeats=1):
            return _number(value.median)
        case Spread():
            return f"{_number(value.median)} [{_number(value.min)}–{_number(value.max)}]"
        case float() | int():
            return _number(value)
    return str(value)


def _number(value: float) -> str:
    """Three figures, or all of a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def _cells(content: Mapping[str, Any]) -> dict[str, Cell]:
    return {name: Spread(**value) if isinstance(value, dict) else value for name, value in content.items()}


def _command() -> str:
    """What was typed, without where the record goes and where folders lie on this machine."""
    words = ["PATH" if Path(word).is_absolute() else word for word in sys.argv[1:]]
    if "--json" in words:
        place = words.index("--json")
        del words[place : place + 2]
    return shlex.join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *words])


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "GiB": round(memory),
        "system": platform.system(),
    }
    if torch := sys.modules.get("torch"):
        machine["vectors"] = torch.backends.cpu.get_cpu_capability()
    return machine


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for module, name in PACKAGES.items():
        if module in sys.modules:
            with suppress(PackageNotFoundError):
                versions[name] = version(name)
    return versions
