"""JSON Schema of every kind of YAML file, for editors and other tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from molbench.atomic import replace_file
from molbench.spec.board import Board
from molbench.spec.dataset import Dataset
from molbench.spec.exclusions import Exclusions
from molbench.spec.paper_settings import PaperSettings
from molbench.spec.protocol import Protocol
from molbench.spec.reported import ReportedPaper
from molbench.spec.splits import Splits
from molbench.spec.submission import Submission, Withdrawn
from molbench.spec.suites import Suites
from molbench.spec.tasks import Tasks
from molbench.spec.training import Budget, TrainingConfig

Schema = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A kind of YAML file.

    Attributes:
        model: What it is read into.
        files: Where such files lie in the repository, as globs.
        adapt: Changes to the schema where a file may say less than the model, since something is merged in.
    """

    model: type[BaseModel]
    files: tuple[str, ...] = ()
    adapt: Callable[[Schema], None] = lambda _schema: None


def _merged_defaults(schema: Schema) -> None:
    """A task may leave to ``defaults`` what it needs, and these are a task of which nothing is needed."""
    schema["$defs"]["Task"].pop("required", None)
    described = schema["properties"]["defaults"]["description"]
    schema["properties"]["defaults"] = {"$ref": "#/$defs/Task", "description": described}


def _part_of(name: str, model: type[BaseModel]) -> Callable[[Schema], None]:
    """``training`` of a definition is some of the settings of a model."""

    def adapt(schema: Schema) -> None:
        part = model.model_json_schema()
        part.pop("required", None)
        entry = schema["$defs"][name]["properties"]["training"]
        entry.pop("additionalProperties", None)
        entry |= {key: part[key] for key in ("type", "properties", "additionalProperties")}

    return adapt


DOCUMENTS: dict[str, Document] = {
    "dataset": Document(Dataset, ("datasets/*/dataset.yaml",)),
    "splits": Document(Splits, ("datasets/*/splits.yaml",)),
    "tasks": Document(Tasks, ("datasets/*/tasks.yaml",), _merged_defaults),
    "exclusions": Document(Exclusions, ("datasets/*/exclusions.yaml",)),
    "suites": Document(Suites, ("datasets/suites.yaml",)),
    "protocol": Document(Protocol, ("molbench/evaluation/protocols/*.yaml",), _part_of("Override", Budget)),
    "method": Document(
        PaperSettings, ("molbench/methods/**/configs/*.yaml",), _part_of("VariantSettings", TrainingConfig)
    ),
    "training": Document(TrainingConfig),
    "board": Document(Board, ("leaderboards/*.yaml",)),
    "reported": Document(ReportedPaper, ("leaderboards/reported/*.yaml",)),
    "submission": Document(Submission, ("submissions/*/*/submission.yaml",)),
    "withdrawn": Document(Withdrawn, ("submissions/withdrawn.yaml",)),
}


def schema_of(name: str) -> Schema:
    """JSON Schema of one kind of file; every property says what it is.

    Args:
        name: A key of ``DOCUMENTS``.
    """
    document = DOCUMENTS[name]
    schema = document.model.model_json_schema()
    document.adapt(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_schemas(folder: Path) -> list[Path]:
    """Write all of them as ``<name>.json``."""
    paths = []
    for name in DOCUMENTS:
        paths.append(folder / f"{name}.json")
        with replace_file(paths[-1]) as temporary:
            temporary.write_text(schema_text(name), encoding="utf-8")
    return paths


def schema_text(name: str) -> str:
    """A schema as it is written to its file."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
