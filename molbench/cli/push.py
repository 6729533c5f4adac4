"""``molbench push``: a checkpoint on the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from molbench.arguments import require_file


def push(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint file, *.pt or *.safetensors.")],
    repository: Annotated[str, typer.Argument(help="owner/name on the Hugging Face Hub.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights, an SPDX identifier.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files.")] = False,
) -> None:
    """Upload a checkpoint with a model card; `molbench evaluate owner/name` then scores it anywhere.

    Datasets are uploaded by `molbench data push`, scores by `molbench submit push`.
    """
    require_file(checkpoint)
    from molbench.training.hub import push_checkpoint

    for name in push_checkpoint(checkpoint, repository, licence=licence, private=private, dry_run=dry_run):
        typer.echo(name)
