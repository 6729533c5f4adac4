"""One page on all pretraining methods, from their docstrings and the settings of their papers."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

HEAD = """---
hide: [navigation]
---

# Methods

Every method is an objective around an encoder, which is all that is kept after pretraining. Below: the idea,
what is minimised in the *intended* variant, which encoders it takes, and the settings of both variants:
*intended* does what the paper says and is the default, *faithful* what its released code computes
(`molbench pretrain NAME --variant faithful`). Settings that differ are marked ≠. Any of them is changed by
`--set method.NAME=VALUE`. [Whether each of them learns](learning.md) was tried on sample data.

In the equations h are vectors of atoms and g those of molecules as the encoder gives them, x positions in Å,
d distances, z elements; i and j are atoms, m and n molecules of the batch. Where n stands beside m and is not
summed over, it is the next molecule. Hats are predictions of a small network that is thrown away, bars stand
for *not differentiated*, primes for another view; ς is the logistic function, ⟨…⟩ a mean over the batch.
"""


def method_page() -> str:
    """Markdown of all methods."""
    from molbench.methods import METHODS

    sections = [
        _section(name, METHODS[name], importlib.import_module(METHODS.module(name))) for name in METHODS
    ]
    names = "| method | idea | encoders of |\n| --- | --- | --- |\n" + "\n".join(
        f"| [{name}](#{_anchor(name)}) | {_idea(importlib.import_module(METHODS.module(name)))[1]} "
        f"| {_inputs(METHODS[name])} |"
        for name in METHODS
    )
    return "\n\n".join([HEAD, names, *sections]) + "\n"


def _section(name: str, method: Any, module: Any) -> str:
    title, _, rest = _idea(module)
    variants, notes = _settings(module)
    parts = [f"## {name} {{ #{_anchor(name)} }}", f"**{title}.** " + rest]
    parts += [f'<div class="equation">{_mathml(line)}</div>' for line in equation(method)]
    parts += [_needs(method), _table(method, variants), *_overrides(variants)]
    if notes:
        parts.append(f"Source: {notes}")
    return "\n\n".join(parts)


def equation(method: Any) -> list[str]:
    """Equations of the section ``Equation:`` of a class's docstring, LaTeX; a line further in goes on."""
    found = re.search(r"^Equation:\n((?:    .*\n?)+)", inspect.cleandoc(method.__doc__), flags=re.MULTILINE)
    return [
        " ".join(one.split()) for one in re.split(r"^    (?! )", found[1] if found else "", flags=re.M) if one
    ]


def _mathml(latex: str) -> str:
    return convert(latex, display="block")


def _idea(module: Any) -> tuple[str, str, str]:
    """Name, the idea in a sentence, and all of the docstring without the name."""
    text = inspect.cleandoc(module.__doc__)
    first, _, rest = text.partition("\n\n")
    title, _, sentence = " ".join(first.split()).partition(": ")
    sentence = sentence[:1].upper() + sentence[1:]
    return title, _roles(sentence), _roles(f"{sentence}\n\n{rest}")


def _roles(text: str) -> str:
    """Markdown of a docstring: references by their last name, literals as they are."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    text = text.replace("``", "`")
    return re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def _inputs(method: Any) -> str:
    return (
        "pairs"
        if method.inputs == "pairs"
        else "molecules, with vectors"
        if method.needs_vectors
        else "molecules"
    )


def _needs(method: Any) -> str:
    who = {
        "pairs": "encoders of pairs of molecules",
        "molecules, with vectors": "equivariant encoders of molecules, which have vectors of atoms",
        "molecules": "any encoder of molecules",
    }[_inputs(method)]
    uses = re.search(r"backbone: (.*?)(?=\n\s*\w+: |\n\n|\Z)", inspect.cleandoc(method.__doc__), re.DOTALL)
    detail = f" {' '.join(uses[1].split())}" if uses else ""
    least = f" Batches have {method.smallest_batch} records at least." if method.smallest_batch > 1 else ""
    return f"Pretrains {who}.{detail}{least}"


def _settings(module: Any) -> tuple[Mapping[str, Any], str]:
    """Variants, and what the comments at the top of the file say."""
    import yaml

    path = Path(module.__file__)
    text = (path.parent / "configs" / f"{path.stem}.yaml").read_text(encoding="utf-8")
    comments = re.match(r"# yaml-language-server: .*\n((?:#.*\n)*)", text)[1]
    head = " ".join(line.removeprefix("#").strip() for line in comments.splitlines())
    head = re.sub(r"github\.com/([\w./-]+\w)", r"[github.com/\1](https://github.com/\1)", _roles(head))
    return yaml.safe_load(text)["variants"], head


def _table(method: Any, variants: Mapping[str, Any]) -> str:
    meanings = attributes(method.Config)
    rows = ["| setting | meaning | intended | faithful |", "| --- | --- | --- | --- |"]
    defaults = method.Config() if meanings else None
    for name in meanings:
        default = getattr(defaults, name)
        values = [v.get("method", {}).get(name, default) for v in variants.values()]
        rows.append(_row(f"`method.{name}`", _roles(meanings[name]), values))
    names = list(dict.fromkeys(key for v in variants.values() for key in v["training"]))
    rows += [
        _row(f"`training.{name}`", "", [v["training"].get(name) for v in variants.values()]) for name in names
    ]
    rows.append(_row("epochs", "over the pretraining data", [v["epochs"] for v in variants.values()]))
    return "\n".join(rows)


def _row(name: str, meaning: str, values: list[Any]) -> str:
    intended, faithful = (_value(value) for value in values)
    mark = " ≠" if intended != faithful else ""
    return f"| {name} | {meaning.replace('|', '&#124;')} | {intended} | {faithful}{mark} |"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(f"{key}: {_value(one)}" for key, one in value.items())
    if hasattr(value, "__dataclass_fields__"):
        return _value(vars(value))
    return "–" if value is None else "yes" if value is True else "no" if value is False else str(value)


def attributes(config: Any) -> dict[str, str]:
    """What the docstring of a dataclass says of each of its fields, those of its bases first."""
    described: dict[str, str] = {}
    for one in reversed(config.__mro__):
        doc = inspect.cleandoc(one.__dict__.get("__doc__") or "")
        block = re.search(r"^Attributes:\n((?:    .*\n?|\n)+)", doc, flags=re.MULTILINE)
        for entry in re.split(r"^    (?=\w+: )", block[1] if block else "", flags=re.MULTILINE)[1:]:
            name, _, meaning = entry.partition(": ")
            described[name] = " ".join(meaning.split())
    return {
        name: text for name, text in described.items() if name in getattr(config, "__dataclass_fields__", {})
    }


def _overrides(variants: Mapping[str, Any]) -> Iterator[str]:
    for variant, values in variants.items():
        own = values.get("backbones", {})
        if own:
            said = "; ".join(
                f"{backbone}: "
                + ", ".join(f"`{key}={_value(v)}`" for kind in one.values() for key, v in kind.items())
                for backbone, one in own.items()
            )
            yield f"*{variant.capitalize()}* by encoder: {said}."


def _anchor(name: str) -> str:
    return f"method-{name}"
