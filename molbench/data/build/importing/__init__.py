"""A file of a user's own as a dataset: with labels to be scored on, without any to pretrain on."""

from __future__ import annotations

import shutil
from pathlib import Path

from molbench.atomic import replace_folder, scratch_folder, sweep
from molbench.data.build.importing.declare import Declared
from molbench.data.build.importing.write import write_declarations
from molbench.data.folder.manifest import Manifest
from molbench.errors import UserError
from molbench.exclusive import exclusive
from molbench.paths import home
from molbench.progress import ProgressCallback
from molbench.spec.build import BuildRequest
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.spec.imports import ImportRequest
from molbench.spec.request import by_fields

_OWN = ("labelled-", "ase-db", "xyz")


def run_import(request: ImportRequest, progress: ProgressCallback | None = None) -> Path:
    """Make a file a dataset below ``$MOLBENCH_HOME``, with its three declarations.

    Labels whose values are 0 and 1 become tasks of classification, others of regression; forces become a task
    of their own. Split schemes that cannot be drawn of the records are left out, and the manifest says why.

    Args:
        request: What is asked for.
        progress: Told how far the work is.

    Returns:
        The built folder. Without labels its one scheme, ``pretrain``, has every record in ``train``.

    Raises:
        UserError: If the file is wrong, something that is asked for is not in it, or the name is taken.
    """
    final = home() / "datasets" / request.dataset
    with exclusive(final.with_name(f"{final.name}.import")):  # one of a name after the other
        _refuse_taken(request)
        return _import_into(final, request, progress)


def _import_into(final: Path, request: ImportRequest, progress: ProgressCallback | None) -> Path:
    declared = Declared.of(request)
    from molbench.data.build.builder import run_build  # after what can be wrong has been looked at

    sweep(final.parent)
    with scratch_folder(final) as folder:
        splits = declared.splits
        schemes = [*splits.schemes]
        write_declarations(
            folder, {"dataset": declared.dataset, "splits": splits, "tasks": declared.tasks(schemes)}
        )
        entry = DatasetEntry(request.dataset, folder)
        built = folder / "built"
        run_build(
            BuildRequest(entry, output=built, raw=request.path, offline=True, num_proc=request.num_proc),
            progress,
        )
        _finish(built, declared)
        with replace_folder(final) as temporary:
            for item in built.iterdir():
                shutil.move(item, temporary / item.name)
    return final


import_file = by_fields(ImportRequest, run_import, "import_file")


def _finish(built: Path, declared: Declared) -> None:
    """Declare what was built: the schemes that could be drawn, and tasks by what the labels are."""
    from molbench.data.build.describe import refresh_card

    drawn = Manifest.read(built).part(None).schemes
    schemes = {
        name: scheme.model_copy(update={"optional": False})
        for name, scheme in declared.splits.schemes.items()
        if name in drawn
    }
    write_declarations(
        built,
        {"splits": declared.splits_of(schemes), "tasks": declared.tasks([*schemes], built)},
    )
    refresh_card(built)


def _refuse_taken(request: ImportRequest) -> None:
    taken = Catalogue.load().entries.get(request.dataset)
    if taken is None:
        return
    parser = taken.dataset.parser or ""
    if not parser.startswith(_OWN) or taken.folder.parent != home() / "datasets":
        raise UserError(f"'{request.dataset}' is the name of another dataset; choose one of your own")
    same = request.path.name in {source.filename for source in taken.dataset.sources.values()}
    if not request.replace and (taken.dataset.targets or not same):  # geometries that grew are imported again
        raise UserError(
            f"{taken.folder}: imported before; --replace takes its place, edited declarations included"
        )
