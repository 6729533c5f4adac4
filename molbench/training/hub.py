"""Checkpoints on the Hugging Face Hub: taken from there by the name of their repository, and put there."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from molbench.data.folder.upload import upload_model_files
from molbench.errors import UserError, error_line
from molbench.escape import markdown
from molbench.spec.names import hub_id
from molbench.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_SUFFIXES = (".safetensors", ".pt")


def checkpoint_file(text: str | Path) -> Path:
    """The file of a checkpoint: the path itself, or what a repository of the Hub holds, fetched once.

    Args:
        text: A path, or ``owner/name``, behind it ``@`` and a branch or commit, or ``:`` and a file.

    Raises:
        UserError: If it is neither, or the Hub has no such checkpoint, or several.
    """
    path, match = Path(text), hub_id(str(text))
    if path.exists() or match is None:
        return path
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        revision = match["revision"]
        name = match["file"] or _only(_files(HfApi(), match["repo"], revision), text)
        return Path(hf_hub_download(match["repo"], name, revision=revision))
    except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, ValueError, OSError) as error:
        reason = f"no such file, and the Hub has no such checkpoint: {error_line(error)}"
        raise UserError(f"{text}: {reason}") from error


def load_checkpoint(source: str | Path) -> Checkpoint:
    """Read a checkpoint from a file or from the Hugging Face Hub; nothing in it is executed.

    Args:
        source: A path, or the id of a repository, ``owner/name``; ``owner/name@commit`` fixes what is taken,
            ``owner/name:file.safetensors`` chooses one of several.

    Raises:
        UserError: If it cannot be found, or is no sound checkpoint.

    Examples:
        >>> from molbench import Checkpoint, load_checkpoint
        >>> from molbench.backbones import build_backbone
        >>> Checkpoint.of(build_backbone("schnet")).save("encoder.safetensors")
        >>> load_checkpoint("encoder.safetensors").build().width
        128
    """
    return Checkpoint.load(checkpoint_file(source))


def push_checkpoint(
    path: Path, repository: str, *, licence: str, private: bool = False, dry_run: bool = False
) -> list[str]:
    """Upload a checkpoint with a model card that tells how it was made, as one commit.

    Args:
        path: The checkpoint; it is read first, so that nobody is given a damaged one.
        repository: ``owner/name`` on the Hub.
        licence: Of the weights, an SPDX identifier.
        private: Whether a repository that is made anew is private.
        dry_run: Whether to stop before the first connection.

    Returns:
        Paths of the files of the upload.

    Raises:
        UserError: If the file is no checkpoint, or the Hub refuses.
    """
    if (match := hub_id(repository)) is None or match["repo"] != repository:
        raise UserError(f"{repository}: not owner/name of a repository")
    checkpoint = Checkpoint.load(path)
    name = f"checkpoint{path.suffix}"
    if dry_run:
        return ["README.md", name]
    with TemporaryDirectory(prefix="molbench-push-") as temporary:
        card = Path(temporary) / "README.md"
        card.write_text(model_card(checkpoint, repository, licence), encoding="utf-8")
        files = {"README.md": card, name: path}
        message = f"{checkpoint.backbone}, weights {checkpoint.digest[:16]}"
        upload_model_files(files, repository, private, message)
    return sorted(files)


def model_card(checkpoint: Checkpoint, repository: str, licence: str) -> str:
    """``README.md`` of a checkpoint: metadata that the Hub reads, its stages, and how it is scored."""
    stages = [stage for stage in checkpoint.stages if stage]
    metadata: dict[str, Any] = {
        "license": licence.lower(),
        "library_name": "molbench",
        "tags": ["chemistry", "molecules", checkpoint.backbone],
        "datasets": sorted({str(stage["dataset"]) for stage in stages if stage.get("dataset")}),
    }
    weights = sum(value.numel() for value in checkpoint.state_dict.values())
    rows = [
        f"| {number} | "
        + " | ".join(
            markdown(str(stage.get(key, "-"))) for key in ("method", "dataset", "scheme", "records", "steps")
        )
        + " |"
        for number, stage in enumerate(stages, 1)
    ]
    table = [
        "| stage | method | dataset | scheme | records | steps |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    sections = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {markdown(repository.partition('/')[2])}",
        f"An encoder of molecules: {markdown(checkpoint.backbone)}, {weights:,} weights, digest "
        f"`{checkpoint.digest}`.",
        *(["\n".join(table)] if rows else ["It was not pretrained."]),
        f"```\nmolbench evaluate {repository} --suite embedded\n```",
        f'```python\nimport molbench\n\nencoder = molbench.load_checkpoint("{repository}").build()\n```',
    ]
    return "\n\n".join(sections) + "\n"


def _files(api: HfApi, repository: str, revision: str | None) -> list[str]:
    """Names of a repository's files; asked by folders, they would take half a minute without a network."""
    return [file.rfilename for file in api.model_info(repository, revision=revision).siblings or []]


def _only(names: list[str], text: str | Path) -> str:
    held = [name for name in names if name.endswith(_SUFFIXES)]
    if len(held) != 1:
        listed = ", ".join(held[:5]) or "none"
        raise UserError(
            f"{text}: the repository should hold one checkpoint; it holds: {listed}; write {text}:FILE"
        )
    return held[0]
