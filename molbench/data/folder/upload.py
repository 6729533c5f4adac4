"""Uploads to a repository of the Hub: made where it is missing, and refusals in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from molbench.errors import UserError, error_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@contextmanager
def repository_for(name: str, kind: Literal["dataset", "model"], private: bool) -> Iterator[HfApi]:
    """Make a repository unless it is there, and yield what uploads to it.

    Args:
        name: ``owner/name``.
        kind: What it holds.
        private: Whether one that is made anew is private.

    Raises:
        UserError: If the Hub refuses or cannot be reached, here or in the block.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError  # base of the Hub's refusals and of lost connections

    api = HfApi()
    try:
        api.create_repo(name, repo_type=kind, private=private, exist_ok=True)
        yield api
    except (HTTPError, ValueError, OSError) as error:
        raise UserError(f"{name}: the Hub did not take the upload: {error_line(error)}") from error


def upload_model_files(files: Mapping[str, Path], repository: str, private: bool, message: str) -> None:
    """Upload files to a repository of a model in one commit.

    Args:
        files: Where each is, by its path in the repository.
        repository: ``owner/name``.
        private: Whether a repository that is made anew is private.
        message: Of the commit.

    Raises:
        UserError: If the Hub refuses or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd

    with repository_for(repository, "model", private) as api:
        operations = [CommitOperationAdd(path_in_repo=to, path_or_fileobj=file) for to, file in files.items()]
        api.create_commit(
            repo_id=repository, repo_type="model", operations=operations, commit_message=message
        )
