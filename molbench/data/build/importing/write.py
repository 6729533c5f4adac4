"""The three declarations of an imported dataset, as YAML that says what may be changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

_COMMENTS: Mapping[str, Mapping[str, str]] = {
    "dataset": {
        "": "What the dataset is, and how its file is read. After changes of text: `molbench data card`,\n"
        "after any other, build it again: `molbench data build NAME --raw FILE`.",
        "licence": "Under which terms others may use it, and what they should cite.",
        "parser": "What reads the file, and what in it is what.",
        "identity": "What makes two records the same thing, so that no split should have them on both sides.",
        "sources": "The file, by its checksum: another one is refused.",
        "targets": "Labels in the unit of the file; `reference` may hold energies of free atoms.",
        "forces": "Forces belong to the target of the task `forces`.",
    },
    "splits": {
        "": "How records are divided; the first scheme is the default. A changed scheme needs a new build.",
        "cluster": "What test records may share, so that intervals of scores are not too narrow.",
        "schemes": "Seeds and fractions are those of train, validation and test.",
    },
    "tasks": {
        "": "What is predicted. Scores of a task whose meaning changes need a higher `version`.",
        "defaults": "Merged into every task below.",
        "tasks": "`unit` is that of the scores; `why` stands beside them on the pages.",
    },
}


class _Plain(yaml.SafeDumper):
    """Writes equal lists out in full: aliases are refused when they are read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def write_declarations(folder: Path, declarations: Mapping[str, BaseModel]) -> None:
    """Write ``dataset.yaml``, ``splits.yaml`` and ``tasks.yaml``."""
    for name, model in declarations.items():
        values = model.model_dump(exclude_defaults=True)
        (folder / f"{name}.yaml").write_text(_commented(values, _COMMENTS[name]), encoding="utf-8")


def _commented(values: Mapping[str, Any], comments: Mapping[str, str]) -> str:
    text = yaml.dump(
        dict(values), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    lines = [_comment(comments[""])]
    for line in text.splitlines(keepends=True):
        key = line.partition(":")[0]
        lines.append(_comment(comments[key]) + line if key in comments else line)
    return "".join(lines)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())
