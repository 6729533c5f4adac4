"""A built folder on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from molbench.data.folder.manifest import MANIFEST_FILE
from molbench.data.folder.upload import repository_for
from molbench.data.folder.verify import verify_dataset


def push_dataset(
    folder: Path, repository: str, *, private: bool = False, dry_run: bool = False
) -> list[tuple[str, int]]:
    """Upload a built dataset as one commit, after checking that it is undamaged.

    Args:
        folder: The built folder.
        repository: ``owner/name`` on the Hub.
        private: Whether a repository that is made anew is private.
        dry_run: Whether to stop before the first connection.

    Returns:
        Path and bytes of each file of the upload.

    Raises:
        UserError: If the folder is damaged, or the Hub refuses.
    """
    manifest = verify_dataset(folder)
    files = [(name, entry.size) for name, entry in manifest.files.items()]
    files.append((MANIFEST_FILE, (folder / MANIFEST_FILE).stat().st_size))
    if dry_run:
        return files
    with repository_for(repository, "dataset", private) as api:
        api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=[name for name, _ in files],
            delete_patterns=["*cells*/*.parquet", "*splits/*.parquet", "*molecules.parquet"],
            commit_message=f"{manifest.dataset_id} {manifest.version}, content digest {manifest.digest[:16]}",
        )
    return files
