"""Weight files that authors published, as checkpoints of ours.

Nothing in a file is executed. Its names are mapped to ours one by one,
what is left over must be a documented head or constant, and the result has to fit the backbone exactly.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from molbench.errors import UserError, quoted
from molbench.releases import RELEASES
from molbench.releases.base import Release
from molbench.training.checkpoint import Checkpoint
from molbench.training.checkpoint_file import content_of, weights_of
from molbench.training.machine import describe_machine

_METHOD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")


def convert_release(
    source: str,
    path: Path,
    output: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    method: str | None = None,
) -> Checkpoint:
    """Convert a published weight file and write the checkpoint.

    Args:
        source: Name of the release that wrote it, such as ``geossl``.
        path: The authors' file.
        output: Checkpoint to write, ``.pt`` or ``.safetensors``; must not be there yet.
        settings: Fields of the backbone's configuration that the file cannot tell and that differ from the
            release's defaults, such as the number of attention heads; or ``backbone``, where encoders have
            the same weights, such as ``cgib-cont`` and ``cgib``.
        method: How the weights were pretrained, if not by the method that ``source`` is named after:
            authors also release the baselines that they compare with.

    Returns:
        What was written. Its provenance has the source and the SHA-256 of the file.

    Raises:
        UserError: If the source is unknown, the file is missing, damaged, asks for code to be run, holds no
            encoder of the source or more than is known of it, the method is no name, or the output is
            there already.
    """
    release = RELEASES[source]()
    if method is not None and not _METHOD.fullmatch(method):
        raise UserError(f"--method {quoted(method)}: not a name, such as attr-mask")
    Checkpoint.check_output(output)
    if output.exists():
        raise UserError(f"{output} is there already; remove it or name another file")
    content = content_of(path)
    state = weights_of(path, _state(content))
    try:
        built = _translated(release, state, _hyperparameters(content), settings or {}).build()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (LookupError, RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        # Shapes and settings of a stranger's file may break what reads them in any of these ways.
        reason = quoted(str(error))
        raise UserError(f"{path}: not an encoder of {release.title} as we know it: {reason}") from error
    origin = {"from": source, "release": release.title, "sha256": _sha256(path)}
    checkpoint = Checkpoint.of(
        built, method=method or source, pretraining={"converted": origin}, environment=describe_machine()
    )
    checkpoint.save(output)
    return checkpoint


def _translated(
    release: Release, state: dict[str, Tensor], hyper: Mapping[str, Any], settings: Mapping[str, Any]
) -> Checkpoint:
    if all(name.startswith("module.") for name in state):  # DataParallel
        state = {name.removeprefix("module."): value for name, value in state.items()}
    backbone, prefix = release.find(state)
    encoder = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    settings = dict(settings)
    backbone = str(settings.pop("backbone", release.variant(backbone, encoder)))
    if backbone not in release.names:
        names = ", ".join(release.names)
        raise UserError(f"no rules for the names of a backbone '{backbone}'; there are: {names}")
    unknown = [
        name
        for name in state
        if not (name.startswith(prefix) and release.our_name(backbone, name.removeprefix(prefix)))
        and not release.explains(name)
    ]
    if unknown:
        raise UserError(f"no place for {_some(unknown)}: not a file of {release.title} as we know it")
    config = release.config(backbone, encoder, hyper) | settings
    return Checkpoint(backbone, config, release.translate(backbone, encoder, config.get("heads", 1)))


def _state(content: Any) -> Any:
    """The weights, bare or under one of the usual keys."""
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            return content[key]
    return content


def _hyperparameters(content: Any) -> dict[str, Any]:
    """Those that Lightning stores, empty where there are none."""
    stored = content.get("hyper_parameters") if isinstance(content, dict) else None
    return stored if isinstance(stored, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
