"""``molbench convert``: published weight files as checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molbench.cli import complete
from molbench.errors import UserError


def convert(
    file: Annotated[Path, typer.Argument(help="The authors' weight file.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            autocompletion=complete.releases,
            help="Code that wrote it, such as geossl; a wrong name lists all.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint: *.pt or *.safetensors.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting that the file cannot tell: heads=4; may be repeated."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete.methods,
            help="Pretraining method, for tables, if not the one that the code is known for.",
        ),
    ] = None,
) -> None:
    """Convert weights that somebody published, so that they can be evaluated like any checkpoint.

    Nothing in the file is executed. Task heads are left out; the encoder is taken over number by number.
    """
    from molbench.releases.convert import convert_release as run

    chosen = dict(_setting(text) for text in settings or ())
    checkpoint = run(source, file, output, settings=chosen, method=method)
    values = sum(value.numel() for value in checkpoint.state_dict.values())
    typer.echo(f"wrote {output}: {checkpoint.backbone} with {values:,} weights")
    for name, value in checkpoint.config.items():
        typer.echo(f"  {name} = {value}")


def _setting(text: str) -> tuple[str, object]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text}: write name=value")
    return name, yaml.safe_load(value)
