"""Editors: every YAML file of the repository finds its schema, and fits it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from molbench.spec.schemas import DOCUMENTS, schema_of, schema_text
from tests.rooms import ROOT

FILES = {
    name: sorted(path for glob in document.files for path in ROOT.glob(glob))
    for name, document in DOCUMENTS.items()
}
#: Written by a command, and sealed as they are.
WITHOUT_LINE = {"submission", "withdrawn"}


def properties(schema: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in schema.items():
        if key == "properties":
            yield from ((f"{where}.{name}", entry) for name, entry in value.items())
        if isinstance(value, dict):
            yield from properties(value, f"{where}.{key}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_one_whose_every_property_is_described(name: str) -> None:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    lacking = [where for where, entry in properties(schema, name) if not entry.get("description")]
    assert lacking == []
    assert all("Attributes:" not in json.dumps(entry) for _, entry in properties(schema, name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_schema_is_that_of_the_models(name: str) -> None:
    """`molbench schema --output schemas` writes it."""
    assert (ROOT / "schemas" / f"{name}.json").read_text(encoding="utf-8") == schema_text(name)


def test_every_file_leads_an_editor_to_its_schema() -> None:
    for name, paths in FILES.items():
        for path in paths if name not in WITHOUT_LINE else ():
            schema = os.path.relpath(ROOT / "schemas" / f"{name}.json", path.parent)
            first = path.read_text(encoding="utf-8").partition("\n")[0]
            assert first == f"# yaml-language-server: $schema={Path(schema).as_posix()}", path


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, paths in FILES.items() if paths])
def test_every_file_fits_its_schema(name: str) -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--schemafile",
        str(ROOT / "schemas" / f"{name}.json"),
    ]
    done = subprocess.run(
        [*command, *map(str, FILES[name])], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_workflows_fit_their_schema() -> None:
    paths = [str(path) for path in (ROOT / ".github" / "workflows").iterdir()]
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *paths,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "dataset": ("records: 130831", "record_count: 130831"),
    "splits": ("generator:", "generater:"),
    "tasks": ("metrics:", "metrik:"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_slip_of_the_pen_is_seen(name: str) -> None:
    text = (ROOT / "datasets" / "qm9" / f"{name}.yaml").read_text(encoding="utf-8")
    good, bad = WRONG[name]
    assert good in text
    validator = Draft202012Validator(schema_of(name))
    assert validator.is_valid(yaml.safe_load(text))
    assert not validator.is_valid(yaml.safe_load(text.replace(good, bad, 1)))


def test_defaults_are_those_of_a_task() -> None:
    validator = Draft202012Validator(schema_of("tasks"))
    task = {"target": "y", "why": "To see."}
    for defaults, fits in (
        ({"metrics": ["mae"]}, True),
        ({"metrics": []}, False),
        ({"matrics": ["mae"]}, False),
    ):
        assert validator.is_valid({"defaults": defaults, "tasks": {"a": task}}) is fits


def test_settings_of_methods_are_modelled() -> None:
    validator = Draft202012Validator(schema_of("method"))
    for training, fits in (({"lr": 1e-3}, True), ({"lr": "fast"}, False), ({"learning_rate": 1e-3}, False)):
        assert validator.is_valid({"variants": {"intended": {"training": training}}}) is fits
    assert not validator.is_valid({"variants": {"intentional": {}}})
