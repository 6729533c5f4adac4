"""Where a dataset is declared, and where its built folder lies."""

from pathlib import Path

from molbench.arguments import require_folder
from molbench.errors import UserError
from molbench.paths import catalogue_root
from molbench.spec.catalogue import Catalogue, DatasetEntry
from molbench.spec.dataset import PARTIAL
from molbench.spec.names import require_name


def declared(name: str) -> DatasetEntry:
    """The declaration a build follows: the catalogue's, not the copy that an earlier build carries.

    Args:
        name: Of a dataset; or a folder of declarations under a name that the catalogue does not have.

    Raises:
        UserError: If there is no dataset of that name, or nothing can be called so.
    """
    if (Path(name) / "dataset.yaml").is_file():
        entry = DatasetEntry.at(Path(name))
        official = catalogue_root() / "datasets" / entry.dataset.name
        if official.is_dir() and official.resolve() != Path(name).resolve():
            raise UserError(
                f"{name}: '{entry.dataset.name}' is a dataset of the catalogue; give it another name"
            )
        return entry
    if name.startswith((".", "/", "~")):  # nothing else than a path begins so
        require_folder(Path(name), "molbench data import FILE")
        raise UserError(f"{name}: holds no dataset.yaml, in which a dataset is declared")
    folder = catalogue_root() / "datasets" / require_name(name, "dataset")
    return (
        DatasetEntry(name, folder) if (folder / "dataset.yaml").is_file() else Catalogue.load().dataset(name)
    )


def subset_folder(folder: Path, subset: str | None) -> Path:
    """Where the cells and splits of a subset, or of a dataset without any, lie."""
    return folder / subset if subset else folder


def locate(dataset_id: str) -> Path:
    """Folder of a built dataset: below ``$MOLBENCH_HOME``, else in the catalogue where it is embedded.

    Args:
        dataset_id: ``qm9``, or ``qm9-partial`` for a build that lacks records; or the folder itself.

    Raises:
        UserError: If the dataset is unknown or has not been built; says how to build it.
    """
    if (Path(dataset_id) / "manifest.json").is_file():
        return Path(dataset_id)
    entries = Catalogue.load().entries
    if dataset_id in entries and entries[dataset_id].built:
        return entries[dataset_id].folder
    name = dataset_id.removesuffix(PARTIAL)
    declared(name)
    flag = " --allow-partial" if dataset_id != name else ""
    partial = entries.get(dataset_id + PARTIAL)
    complete = f" ('{partial.id}', which lacks records, is)" if partial is not None and partial.built else ""
    raise UserError(
        f"dataset '{dataset_id}' is not built here{complete}; run `molbench data build {name}{flag}`"
    )
