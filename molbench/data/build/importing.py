"""A user's own geometries as a dataset to pretrain on."""

from __future__ import annotations

from pathlib import Path

import yaml

from molbench.atomic import scratch_folder
from molbench.data.build.builder import run_build
from molbench.data.folder.manifest import file_entry
from molbench.errors import UserError
from molbench.paths import home
from molbench.progress import ProgressCallback
from molbench.spec.build import BuildRequest
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.spec.dataset import PARTIAL, Dataset, SourceFile
from molbench.spec.names import check_filename, require_name
from molbench.spec.splits import Scheme, Splits
from molbench.spec.tasks import Tasks

SCHEME = "pretrain"


def import_file(
    path: str | Path,
    name: str,
    *,
    max_failures: int = 0,
    num_proc: int = 1,
    progress: ProgressCallback | None = None,
) -> Path:
    """Make a multi-frame xyz file an unlabelled dataset below ``$MOLBENCH_HOME``.

    Args:
        path: ``.xyz``, ``.xyz.gz`` or ``.xyz.xz``; the comment line of each frame is the record's id.
        name: Name of the new dataset; one imported under that name before is replaced.
        max_failures: Records that may fail to parse.
        num_proc: Number of processes that parse.
        progress: Told how far the work is.

    Returns:
        The built folder. Its one scheme, ``pretrain``, has every record in ``train``.

    Raises:
        UserError: If the file is missing or wrong, or the name is taken by another dataset.
    """
    path = Path(path)
    require_name(name, "--name")
    if name.endswith(PARTIAL):
        raise UserError(f"--name: '{PARTIAL}' at the end is kept for builds that lack records")
    try:
        check_filename(path.name)
    except ValueError as error:
        raise UserError(str(error)) from error
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: empty file")
    taken = Catalogue.load().entries.get(name)
    if taken is not None and SCHEME not in taken.splits.schemes:
        raise UserError(f"'{name}' is the name of another dataset; choose one of your own")
    with scratch_folder(home() / "datasets" / f"{name}-declared") as folder:
        entry = _declare(folder, path, name, max_failures)
        request = BuildRequest(entry, raw=path.parent, offline=True, num_proc=num_proc)
        return run_build(request, progress)


def _declare(folder: Path, path: Path, name: str, max_failures: int) -> DatasetEntry:
    """Write the declaration of an imported file into an empty folder."""
    content = file_entry(path)
    dataset = Dataset(
        name=name,
        version="1.0.0",
        title=name,
        summary=f"Unlabelled geometries imported from `{path.name}`.",
        record="molecule",
        licence="unknown",
        citation=[],
        parser="xyz",
        sources={"file": SourceFile(filename=path.name, size=content.size, sha256=content.sha256)},
        max_failures=max_failures,
    )
    everything = Scheme(generator="everything", description="All records, to pretrain on.")
    declarations = {
        "dataset": dataset,
        "splits": Splits(schemes={SCHEME: everything}),
        "tasks": Tasks(tasks={}),
    }
    for key, model in declarations.items():
        text = yaml.safe_dump(model.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True)
        (folder / f"{key}.yaml").write_text(text, encoding="utf-8")
    return DatasetEntry(name, folder)
