"""Checkpoint files: a backbone's weights and where they come from.

A ``.pt`` file is a zip archive of tensors and builtins, read with ``weights_only=True``; its ``.safetensors``
twin keeps all but the tensors as JSON in the header. Neither can carry code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from molbench.atomic import replace_file
from molbench.backbones import build_backbone
from molbench.errors import UserError, quoted
from molbench.spec.names import require_name
from molbench.spec.provenance import stages
from molbench.training.checkpoint_file import FORMAT, VERSION, read_checkpoint
from molbench.training.limit import CreationLimit, TooLargeError
from molbench.training.saving import save_whole

if TYPE_CHECKING:
    from molbench.backbones.base import Backbone

# What building any backbone may take beside a multiple of its weights: values created, operations done.
_VALUES, _OPERATIONS = 10_000_000, 1_000


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A backbone as it is stored.

    Attributes:
        backbone: Name of the backbone.
        config: Its configuration.
        state_dict: Its weights, on the CPU.
        method: Name of the pretraining method, None for random weights.
        method_config: The method's configuration.
        pretraining: Provenance: ``dataset``, ``digest``, ``excluded``, ``steps``, ``seed`` and more; the same
            of the stages before, in their order, in ``stages``.
        environment: Software and machine.
        path: The file it was read from, for messages.

    Examples:
        >>> import molbench
        >>> from molbench.backbones import build_backbone
        >>> encoder = build_backbone("schnet", {"width": 16})
        >>> checkpoint = molbench.Checkpoint.of(encoder, method="random", pretraining={"dataset": "none"})
        >>> checkpoint.save("random.pt")
        >>> molbench.Checkpoint.load("random.pt").digest == checkpoint.digest
        True
    """

    backbone: str
    config: dict[str, Any]
    state_dict: dict[str, Tensor]
    method: str | None = None
    method_config: dict[str, Any] = field(default_factory=dict)
    pretraining: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def of(cls, backbone: Backbone, **provenance: Any) -> Self:
        """The checkpoint of a backbone as it is now; ``provenance`` are the remaining attributes."""
        weights = {name: value.detach().cpu().clone() for name, value in backbone.state_dict().items()}
        return cls(backbone.name, config_of(backbone), weights, **_plain(provenance))

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: names, types, shapes and bytes, by name."""
        hasher = hashlib.sha256()
        for name, value in sorted(self.state_dict.items()):
            hasher.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            hasher.update(value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return hasher.hexdigest()

    @property
    def stages(self) -> list[dict[str, Any]]:
        """What a next stage of pretraining keeps: a record of each stage so far, first to last.

        The last one has the method and the digest of the weights too.
        """
        if self.method is None and not self.pretraining:
            return []
        *earlier, last = stages(self.pretraining) or [{}]
        method = {"method": self.method, "method_config": self.method_config}
        return [*earlier, {**last, **method, "weights": self.digest}]

    def build(self) -> Backbone:
        """The backbone with these weights, in evaluation mode.

        Raises:
            UserError: If the backbone is unknown, its configuration refused, or the weights do not fit it.
        """
        try:
            return self._built()
        except UserError as error:
            raise UserError(f"{self.path}: {error}" if self.path else str(error)) from error

    def _built(self) -> Backbone:
        weights = sum(value.numel() for value in self.state_dict.values())
        try:
            with CreationLimit(_VALUES + 10 * weights, _OPERATIONS + 50 * len(self.state_dict)):
                backbone = build_backbone(self.backbone, self.config)
        except TooLargeError:
            raise UserError(
                f"{quoted(self.config)} asks for a '{self.backbone}' far larger than its {weights:,} weights"
            ) from None
        if backbone.width < 1:
            raise UserError(f"backbone '{self.backbone}' of {quoted(self.config)} has no features")
        places = backbone.state_dict()
        expected, actual = _shapes(places), _shapes(self.state_dict)
        if expected != actual:
            raise UserError(
                f"weights do not fit backbone '{self.backbone}': {_differences(expected, actual)}"
            )
        for name, value in self.state_dict.items():
            _check_type(name, value, places[name].dtype)
        backbone.load_state_dict(self.state_dict)
        return backbone.eval()

    def __repr__(self) -> str:
        trained = f", {quoted(self.method)[1:-1]}" if self.method else ""
        weights = sum(value.numel() for value in self.state_dict.values())
        return f"<Checkpoint: {quoted(self.backbone)[1:-1]}{trained}, {weights:,} weights>"

    def save(self, path: str | Path) -> None:
        """Write to ``path``, whole or not at all, in the format of its suffix.

        Raises:
            UserError: If the name is none for a checkpoint, see :meth:`check_output`.
        """
        path = Path(path)
        self.check_output(path)
        header = _plain(
            {
                "format": FORMAT,
                "version": VERSION,
                "backbone": {"name": self.backbone, "config": self.config},
                "method": {"name": self.method, "config": self.method_config},
                "pretraining": self.pretraining,
                "environment": self.environment,
            }
        )
        # Own copies: safetensors refuses tensors that share memory, torch.save would store all of it.
        weights = {name: value.contiguous().clone() for name, value in self.state_dict.items()}
        with replace_file(path) as temporary:
            if path.suffix == ".pt":
                save_whole(header | {"state_dict": weights}, temporary)
            else:
                from safetensors.torch import save_file

                save_file(weights, temporary, metadata={"molbench": json.dumps(header)})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a checkpoint that may come from anybody; nothing in it is executed.

        Raises:
            UserError: If the file is missing, damaged, too large, no checkpoint, or asks for code to be run.
        """
        path = Path(path)
        cls.check_path(path)
        header, weights = read_checkpoint(path)
        return cls(
            backbone=header.backbone.name or "",
            config=header.backbone.config,
            state_dict=weights,
            method=header.method.name,
            method_config=header.method.config,
            pretraining=header.pretraining,
            environment=header.environment,
            path=path,
        )

    @classmethod
    def check_output(cls, path: Path) -> None:
        """Refuse a name that says no format, or under which results could not be kept.

        Raises:
            UserError: If the suffix is neither ``.pt`` nor ``.safetensors``, or what is before it is no name.
        """
        cls.check_path(path)
        require_name(path.stem, f"{path}: a checkpoint's results are kept under its name")

    @staticmethod
    def check_path(path: Path) -> None:
        """Refuse a name that says no format.

        Raises:
            UserError: If the suffix is neither ``.pt`` nor ``.safetensors``.
        """
        if path.suffix not in {".pt", ".safetensors"}:
            raise UserError(f"{path}: a checkpoint is named *.pt or *.safetensors")


def config_of(backbone: Backbone) -> dict[str, Any]:
    """A backbone's configuration as builtins."""
    return _plain(asdict(backbone.config))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Through JSON, so that memory and both kinds of file hold the same builtins."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


def _check_type(name: str, value: Tensor, expected: torch.dtype) -> None:
    """Real weights may be of another precision, as far as they stay finite; all else must be as it is."""
    if value.is_floating_point() and expected.is_floating_point:
        if not bool(value.to(expected).isfinite().all()):
            raise UserError(f"'{name}' holds values that are too large for {expected}")
    elif value.dtype != expected:
        raise UserError(f"'{name}' holds {value.dtype} where the backbone has {expected}")


def _differences(expected: Mapping[str, tuple[int, ...]], actual: Mapping[str, tuple[int, ...]]) -> str:
    shared = sorted(expected.keys() & actual.keys())
    groups = {
        "missing": sorted(expected.keys() - actual.keys()),
        "unexpected": sorted(actual.keys() - expected.keys()),
        "of another shape": [
            f"{name} {actual[name]} for {expected[name]}" for name in shared if actual[name] != expected[name]
        ],
    }

    def some(names: list[str]) -> str:
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

    return "; ".join(f"{label}: {some(names)}" for label, names in groups.items() if names)
