"""YAML files read into models, with the file and line in every error."""

from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from molbench.errors import UserError

Model = TypeVar("Model", bound=BaseModel)
Location: TypeAlias = tuple[str | int, ...]


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read one YAML file into ``model``.

    Raises:
        UserError: If the file cannot be read or parsed, repeats a key, or does not fit the model; the
            message gives file, line and key of everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from error
    return parse_yaml(text, model, path)


def parse_yaml(text: str, model: type[Model], path: Path | str) -> Model:
    """Parse YAML text into ``model``; ``path`` is used in messages only."""
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            _refuse_duplicates(node, path)
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(
            f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    finally:
        loader.dispose()
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [_describe(path, node, dict(item)) for item in error.errors()]
        raise UserError("\n".join(dict.fromkeys(lines))) from error


def _describe(path: Path | str, node: yaml.Node | None, error: dict[str, Any]) -> str:
    location = _origin(node, error["loc"])
    key = ".".join(map(str, location)) or "the file"
    if error["type"] == "extra_forbidden":
        problem = f"unknown key '{location[-1]}'"
    elif error["type"] == "missing":
        problem = "is required and missing"
    else:
        problem = error["msg"].removeprefix("Value error, ")
    return f"{path}:{_line(node, location)}: {key}: {problem}"


def _origin(node: yaml.Node | None, location: Location) -> Location:
    """Where a value stands that an entry may have from ``defaults``."""
    default = ("defaults", *location[2:])
    inherited = len(location) > 2 and len(_lines(node, location)) < 3 and len(_lines(node, default)) > 1
    return default if inherited else location


def _line(node: yaml.Node | None, location: Location) -> int:
    """Line of the deepest part of ``location`` that stands in the file."""
    return (_lines(node, location) or [1])[-1]


def _lines(node: yaml.Node | None, location: Location) -> list[int]:
    """Line of every part of ``location``, as far as they stand in the file."""
    lines = []
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if entry is None:
                break
            key, node = entry
            lines.append(key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            lines.append(node.start_mark.line + 1)
        else:
            break
    return lines


def _refuse_duplicates(node: yaml.Node, path: Path | str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise UserError(f"{path}:{key.start_mark.line + 1}: key '{key.value}' stands twice")
            seen.add(key.value)
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(value, path)
