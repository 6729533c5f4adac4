"""``molbench schema``: JSON Schema of the YAML files, for editors and other tools."""

import json
from enum import StrEnum
from typing import Annotated

import typer


class Document(StrEnum):
    """The kinds of YAML file there are."""

    DATASET = "dataset"
    SPLITS = "splits"
    TASKS = "tasks"
    SUITES = "suites"
    PROTOCOL = "protocol"
    TRAINING = "training"
    BOARD = "board"
    SUBMISSION = "submission"
    REPORTED = "reported"


def schema(document: Annotated[Document, typer.Argument(help="Which kind of file.")]) -> None:
    """Print the JSON Schema of one kind of YAML file."""
    from pydantic import BaseModel

    from molbench.spec.board import Board
    from molbench.spec.dataset import Dataset
    from molbench.spec.protocol import Protocol
    from molbench.spec.reported import ReportedPaper
    from molbench.spec.splits import Splits
    from molbench.spec.submission import Submission
    from molbench.spec.suites import Suites
    from molbench.spec.tasks import Tasks
    from molbench.spec.training import TrainingConfig

    models: dict[Document, type[BaseModel]] = {
        Document.DATASET: Dataset,
        Document.SPLITS: Splits,
        Document.TASKS: Tasks,
        Document.SUITES: Suites,
        Document.PROTOCOL: Protocol,
        Document.TRAINING: TrainingConfig,
        Document.BOARD: Board,
        Document.SUBMISSION: Submission,
        Document.REPORTED: ReportedPaper,
    }
    typer.echo(json.dumps(models[document].model_json_schema(), indent=2, ensure_ascii=False))
