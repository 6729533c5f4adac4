"""YAML files read into models, with the file and line in every error."""

from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from molbench.arguments import file_meant
from molbench.errors import UserError, path_of, quoted

Model = TypeVar("Model", bound=BaseModel)
Location: TypeAlias = tuple[str | int, ...]


#: Bounds far above what any declaration needs: bytes, nodes, levels of nesting, digits of a number.
MAX_BYTES, MAX_NODES, MAX_DEPTH, MAX_DIGITS = 2**20, 20_000, 20, 50
#: Mistakes told of at once.
MAX_LINES = 20


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read one YAML file, which may come from anybody, into ``model``.

    Raises:
        UserError: If the file cannot be read or parsed, is far too large or too deep, repeats a key, or does
            not fit the model; the message gives file, line and key of what is wrong.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path}: cannot be read: no such file{file_meant(path)}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: longer than {MAX_BYTES // 2**20} MiB: no declaration")
        text = content.decode("utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from error
    return parse_yaml(text, model, path)


def read_listing(folder: Path, model: type[Model]) -> dict[str, Model]:
    """Every YAML file of a folder, under the name that it gives itself.

    Raises:
        UserError: As :func:`read_yaml`, or if two files claim one name.
    """
    listing: dict[str, Model] = {}
    paths: dict[str, Path] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_yaml(path, model)
        name = str(getattr(document, "name"))  # noqa: B009 - pydantic has no type for what has a name
        if name in paths:
            raise UserError(
                f"'{name}' is claimed by {paths[name]} and by {path}: rename or remove one of them"
            )
        listing[name], paths[name] = document, path
    return listing


def parse_yaml(text: str, model: type[Model], path: Path | str) -> Model:
    """Parse YAML text into ``model``; ``path`` is used in messages only."""
    loader = yaml.CSafeLoader(text)
    try:
        _refuse_excess(text, path)
        node = loader.get_single_node()
        if node is not None:
            _refuse_duplicates(node, path)
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from error
    except ValueError as error:  # 2001-99-99, say
        raise UserError(f"{path}: not valid YAML: {error}") from error
    finally:
        loader.dispose()
    try:
        document = model.model_validate(data)
    except ValidationError as error:
        problems = [dict(item) for item in error.errors()]
    else:
        if not (problems := _truths_for_numbers(data, model)):
            return document
    lines = [_describe(path, node, problem) for problem in problems[:MAX_LINES]]
    raise UserError("\n".join(dict.fromkeys(lines)))


def _truths_for_numbers(data: Any, model: type[BaseModel]) -> list[dict[str, Any]]:
    """Where ``yes`` or ``no`` stands for a number, which would pass for 1 or 0."""
    try:
        model.model_validate(data, strict=True)
    except ValidationError as error:
        return [
            {**item, "msg": f"{item['msg']}, not {'yes' if item['input'] else 'no'}"}
            for item in error.errors()
            if isinstance(item["input"], bool) and item["type"] in {"int_type", "float_type"}
        ]
    return []


def line_of(path: Path, location: Location) -> int:
    """Line of a value in a file that :func:`read_yaml` accepted, or of the deepest part that is there."""
    loader = yaml.CSafeLoader(path.read_text(encoding="utf-8"))
    try:
        return _line(loader.get_single_node(), location)
    finally:
        loader.dispose()


def _refuse_excess(text: str, path: Path | str) -> None:
    """Bound a document before anything is made of it, event by event and so without recursion."""
    if len(text) > MAX_BYTES:
        raise UserError(f"{path}: longer than {MAX_BYTES // 2**20} MiB: no declaration")
    nodes = depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        where = f"{path}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent):
            # A few lines of aliases could stand for values without end.
            raise UserError(f"{where}: an alias, '*{event.anchor}': write out what it stands for")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            if getattr(event, "tag", None) is not None:
                raise UserError(f"{where}: not valid YAML of a declaration: a tag, '!...'")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise UserError(f"{where}: more than {MAX_NODES:,} values or {MAX_DEPTH} levels")


def _describe(path: Path | str, node: yaml.Node | None, error: dict[str, Any]) -> str:
    location = _origin(node, error["loc"])
    key = path_of(location) or "the file"
    if error["type"] == "extra_forbidden":
        problem = f"unknown key {quoted(location[-1])}"
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
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise UserError(f"{path}:{line}: a key that is a list or mapping")
            if key.value in seen:
                raise UserError(f"{path}:{line}: key {quoted(key.value)} stands twice")
            seen.add(key.value)
            _refuse_long_number(key, path)
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.ScalarNode):
        _refuse_long_number(node, path)


def _refuse_long_number(node: yaml.ScalarNode, path: Path | str) -> None:
    """Turning a number of a million digits into an integer takes minutes."""
    if len(node.value) > MAX_DIGITS and node.tag != "tag:yaml.org,2002:str":
        raise UserError(f"{path}:{node.start_mark.line + 1}: a number of {len(node.value):,} digits")
