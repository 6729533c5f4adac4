"""Which pretrainings make a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from molbench.arguments import comma_separated, seed_numbers
from molbench.errors import UserError
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask


@dataclass(frozen=True)
class SweepRequest:
    """What makes several pretrainings of one.

    Attributes:
        seed_list: Several seeds, 0,1,2. With them, or with several methods or backbones with commas between,
            every combination is pretrained, and the output is the folder of their checkpoints.
        dry_run: Show the pretrainings and what they would take; do nothing.
    """

    seed_list: str | None = None
    dry_run: bool = False

    def several(self, fields: Mapping[str, Any]) -> bool:
        """Whether the fields of a pretraining are those of several."""
        return self.seed_list is not None or "," in fields["method"] + (fields.get("backbone") or "")

    def requests(self, fields: Mapping[str, Any]) -> list[PretrainRequest]:
        """Every method with every backbone and seed, each with a checkpoint ``METHOD-BACKBONE-SEED.pt``.

        Args:
            fields: Of a pretraining; methods and backbones may be several, with commas between.

        Raises:
            UserError: If a field has a wrong value, or one file is to hold several checkpoints.
        """
        folder = Path(fields["output"])
        if folder.suffix in {".pt", ".safetensors"} or folder.is_file():
            raise UserError(f"{folder}: several checkpoints need a folder, such as {folder.with_suffix('')}")
        seeds = [fields.get("seed")] if self.seed_list is None else seed_numbers(self.seed_list)
        if self.seed_list is not None and fields.get("seed") is not None:
            raise UserError("one seed and a list of them exclude each other")
        methods = _listed(fields["method"], "method")
        backbones = _listed(fields["backbone"], "backbone") if fields.get("backbone") else [None]
        requests = []
        for method, backbone, seed in product(methods, backbones, seeds):
            start = backbone or (Path(fields["init"]).stem if fields.get("init") else "")
            words = [method, start.rstrip("+"), "" if seed is None else str(seed)]
            output = folder / f"{'-'.join(filter(None, words))}.pt"
            varied = {"method": method, "backbone": backbone, "seed": seed, "output": output}
            requests.append(ask(PretrainRequest, **{**fields, **varied}))
        return requests


def _listed(text: str, what: str) -> list[str]:
    names = comma_separated(text)
    if not names:
        raise UserError(f"no {what} is named in '{text}'")
    return names
