"""Where a dataset named on the command line lies."""

from pathlib import Path


def built_folder(name: str) -> Path:
    """A folder that holds a built dataset as it is, a dataset id through the catalogue.

    Raises:
        UserError: If it is neither, or not built.
    """
    if (Path(name) / "manifest.json").is_file():
        return Path(name)
    from molbench.data.folder.location import locate

    return locate(name)
