"""The scoring protocols, one YAML file each beside this one; the user's own are read from a path."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from molbench.errors import UserError, meant, quoted, unknown_name
from molbench.spec.document import read_listing, read_yaml
from molbench.spec.protocol import FINETUNE_ONLY, NoisyNodesSettings, Protocol
from molbench.spec.training import Budget

__all__ = ["load_protocol", "load_protocols", "unknown_protocol"]

_VARIANT = re.compile(r"(.+)-[0-9a-f]{8}")
_FIXED = {"name", "kind", "version", "training", "forces", "overrides"}


def load_protocols() -> dict[str, Protocol]:
    """The protocols that come with the package, by name."""
    return dict(_packaged())


@cache
def _packaged() -> dict[str, Protocol]:
    return read_listing(Path(__file__).parent, Protocol)


def load_protocol(name: str, settings: Sequence[str] = ()) -> Protocol:
    """One protocol, with some of its settings changed.

    Args:
        name: Of a protocol of the package, or path of a YAML file.
        settings: ``key=value`` with dotted keys, ``forces.lr=1e-3``; a bare key of the training settings,
            ``steps=500``, changes every budget the protocol has. It holds on every task, whatever the
            protocol's overrides say. Changed settings give the protocol another name, ``probe-1a2b3c4d``, so
            that its results never stand beside those of the original.

    Raises:
        UserError: If the name, a key or a value is not known or not valid.
    """
    known = load_protocols()
    if name not in known and not name.endswith((".yaml", ".yml")):
        raise unknown_name("protocol", name, [*known, "or a path to a YAML file"])
    protocol = known[name] if name in known else read_yaml(Path(name), Protocol)
    changed = protocol.model_dump()
    for setting in settings:
        _apply(changed, setting)
    try:
        result = Protocol.model_validate(changed)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--set {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return result if result == protocol else result.model_copy(update={"name": _variant(result)})


def unknown_protocol(name: str) -> UserError:
    """Why results under a name that is no protocol's are not taken, to be raised."""
    changed = _VARIANT.fullmatch(name)
    if changed and changed[1] in load_protocols():
        return UserError(
            f"{quoted(name)} is '{changed[1]}' changed by --set, which `molbench compare` takes; boards and "
            "submissions take protocols as they are: move such results away, or give them another --output"
        )
    return UserError(f"{quoted(name)} is no protocol of this version")


def _apply(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"--set {setting}: write key=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"--set {setting}: '{text}' is no valid value") from None
    first, dot, rest = key.partition(".")
    budgets = [name for name in ("training", "forces") if values[name] is not None]
    if key in Budget.model_fields and budgets:
        for name in budgets:
            _apply(values, f"{name}.{setting}")
    elif dot and first in budgets and rest in Budget.model_fields:
        replaced = {"steps", "epochs"} if rest in {"steps", "epochs"} else {rest}
        overrides = values.get("overrides", ()) if first == "training" else ()
        for settings in [values[first], *(override["training"] for override in overrides)]:
            for name in replaced & settings.keys():
                del settings[name]
        values[first][rest] = value
    elif first == "noisy_nodes" and rest in NoisyNodesSettings.model_fields:
        values[first] = (values[first] or {}) | {rest: value}
    elif key in Protocol.model_fields and key not in _FIXED:
        for override in values.get("overrides", ()):
            override.pop(key, None)
        values[key] = value
    else:
        without = FINETUNE_ONLY if not budgets else frozenset()
        names = sorted(Protocol.model_fields.keys() - _FIXED - without)
        of_budgets = f", and of {' and '.join(budgets)}: {', '.join(Budget.model_fields)}" if budgets else ""
        hint = meant(key, [*names, *(Budget.model_fields if budgets else ())])
        if key.rpartition(".")[2] in Budget.model_fields and not budgets:
            hint = f", for '{values['name']}' trains no encoder"
        raise UserError(
            f"--set {setting}: no setting '{key}'{hint}; settings: {', '.join(names)}{of_budgets}"
        )


def _variant(protocol: Protocol) -> str:
    text = json.dumps(protocol.model_dump(exclude={"description"}), sort_keys=True)
    return f"{protocol.name}-{sha256(text.encode()).hexdigest()[:8]}"
