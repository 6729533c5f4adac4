"""Where the catalogue lies and where built data go."""

import os
from pathlib import Path

from molbench.errors import UserError

PACKAGE = Path(__file__).parent
DATASETS_VARIABLE = "MOLBENCH_DATASETS"


def home() -> Path:
    """Folder of built datasets and caches: ``$MOLBENCH_HOME``, else the user cache folder.

    Raises:
        UserError: If it would lie in the home of a user who is not known.
    """
    value = os.environ.get("MOLBENCH_HOME")
    try:
        return Path(value).expanduser() if value else user_cache()
    except RuntimeError as error:
        where = f"MOLBENCH_HOME={value}" if value else "this user has no home"
        raise UserError(f"{where}: {error}; set MOLBENCH_HOME to a folder for datasets and caches") from error


def user_cache() -> Path:
    """Folder of what is one user's alone, even where several share ``$MOLBENCH_HOME``.

    Raises:
        RuntimeError: If the user has no home.
    """
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "molbench"


def dataset_folders() -> list[Path]:
    """Folders that are datasets or hold some, beside the home: ``$MOLBENCH_DATASETS``, like ``$PATH``."""
    return [Path(text) for text in os.environ.get(DATASETS_VARIABLE, "").split(os.pathsep) if text]


def add_dataset_folder(path: Path) -> None:
    """Have this process, and those that it starts, know the datasets of a folder."""
    known = [str(folder) for folder in dataset_folders()]
    os.environ[DATASETS_VARIABLE] = os.pathsep.join(dict.fromkeys([*known, str(path.resolve())]))


def catalogue_root() -> Path:
    """Folder holding ``datasets/`` and ``leaderboards/``: the clone's root, else the copy in the wheel."""
    clone = PACKAGE.parent
    return clone if (clone / "datasets" / "suites.yaml").is_file() else PACKAGE / "_catalog"


def is_file(path: Path) -> bool:
    """Whether there is a file; False where that may not be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False
