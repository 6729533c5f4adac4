"""Parts of an evaluation that are done apart, what each leaves behind, and how they are joined."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pydantic import Field, ValidationError

from molbench.arguments import listed, require_file, shard_of
from molbench.atomic import replace_file, replace_folder
from molbench.errors import UserError
from molbench.evaluation.plan import Plan
from molbench.evaluation.result import find_result
from molbench.spec.base import Spec

_GLOB = "shard-*-of-*.json"
_MAX_BYTES = 64 << 20


class ShardRecord(Spec):
    """What a shard was to do, kept beside its results.

    Attributes:
        plan: SHA-256 over the keys of all runs of the evaluation.
        index: Which shard it is, from 1.
        count: Of how many.
        runs: Folder of each of its results, below that of all results, to its key.
    """

    plan: str
    index: int = Field(ge=1)
    count: int = Field(ge=1)
    runs: dict[str, str]

    @property
    def name(self) -> str:
        """``2/8``."""
        return f"{self.index}/{self.count}"

    def of(self, folders: Set[str]) -> ShardRecord:
        """With those of its runs alone that have results."""
        return self.model_copy(
            update={"runs": {name: key for name, key in self.runs.items() if name in folders}}
        )

    def write(self, output: Path) -> None:
        """Leave it beside the results."""
        with replace_file(output / f"shard-{self.index}-of-{self.count}-{self.plan[:8]}.json") as temporary:
            temporary.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Joined:
    """What became of some shards.

    Attributes:
        shards: How many there are.
        results: How many results they have.
    """

    shards: int
    results: int


def part(whole: Plan, shard: str, output: Path) -> Plan:
    """Every n-th pair of model and task of a plan, beginning with the i-th.

    Args:
        whole: The plan.
        shard: ``i/n``, from 1/n to n/n, which together are all of it.
        output: Folder of the results.

    Raises:
        UserError: If it is none.
    """
    index, count = shard_of(shard)
    pairs = list(dict.fromkeys((run.candidate.name, run.task.id) for run in whole.runs))
    share = {*pairs[index - 1 :: count]}
    runs = [run for run in whole.runs if (run.candidate.name, run.task.id) in share]
    digest = sha256(json.dumps(sorted(run.key for run in whole.runs)).encode()).hexdigest()
    folders = {str(run.folder.relative_to(output)): run.key for run in runs}
    record = ShardRecord(plan=digest, index=index, count=count, runs=folders)
    return replace(whole, runs=runs, shard=record if whole.runs else None)


def join(folders: str | Path | Sequence[str | Path], output: str | Path | None = None) -> Joined:
    """Check that folders hold every shard of one evaluation once, with all results, and put them together.

    Args:
        folders: Folders that ``molbench evaluate --shard`` wrote, each with one shard or several.
        output: Where all results are copied to; None to check alone.

    Raises:
        UserError: If a shard is missing, there twice, of another evaluation, or lacks a result.
    """
    places: dict[int, Path] = {}
    first: ShardRecord | None = None
    records: list[tuple[Path, ShardRecord]] = []
    for folder in map(Path, listed(folders)):
        for record in _records(folder):
            first = first or record
            if (record.plan, record.count) != (first.plan, first.count):
                raise UserError(f"{folder}: shard {record.name} is of another evaluation than {first.name}")
            if (other := places.setdefault(record.index, folder)) is not folder:
                raise UserError(f"shard {record.name} is there twice: in {other} and in {folder}")
            records.append((folder, record))
    if first is None:
        raise UserError("no shards: nothing to join")
    if missing := [number for number in range(1, first.count + 1) if number not in places]:
        named = ", ".join(f"{number}/{first.count}" for number in missing[:20])
        raise UserError(f"missing: shard {named}")
    for folder, record in records:
        _require_results(folder, record)
    if output is not None:
        for folder, record in records:
            _copy(folder, record, Path(output))
    return Joined(len(records), sum(len(record.runs) for _, record in records))


def _records(folder: Path) -> Iterator[ShardRecord]:
    paths = sorted(folder.glob(_GLOB))
    if not paths:
        raise UserError(f"{folder}: no shard was finished here; `molbench evaluate … --shard i/n` makes one")
    for path in paths:
        try:
            require_file(path, "record of a shard")
            if path.stat().st_size > _MAX_BYTES:
                raise UserError(f"{path}: larger than {_MAX_BYTES >> 20} MiB: no record of a shard")
            record = ShardRecord.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise UserError(f"{path}: no record of a shard") from error
        if record.index > record.count:
            raise UserError(f"{path}: there is no shard {record.name}")
        if wrong := next((name for name in record.runs if not _below(name)), None):
            raise UserError(f"{path}: '{wrong}' lies outside of the results")
        yield record


def _below(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _require_results(folder: Path, record: ShardRecord) -> None:
    lost = [name for name, key in record.runs.items() if find_result(folder / name, key) is None]
    if lost:
        raise UserError(
            f"{folder}: shard {record.name} has no result of {lost[0]} ({len(lost)} missing); "
            "repeat its command"
        )


def _copy(folder: Path, record: ShardRecord, output: Path) -> None:
    if folder.resolve() == output.resolve():
        return
    for name, key in record.runs.items():
        if find_result(output / name, key) is None:
            with replace_folder(output / name) as temporary:
                shutil.copytree(folder / name, temporary, dirs_exist_ok=True)
    record.write(output)
