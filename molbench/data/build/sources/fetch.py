"""From a declared source to files on disk."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath

from molbench.data.build.sources.archive import extract, is_archive, listing, pack_files
from molbench.data.build.sources.check import digest, problem_with
from molbench.data.build.sources.download import download
from molbench.data.build.sources.raw import find_all, find_named
from molbench.errors import UserError
from molbench.progress import ProgressCallback
from molbench.spec.dataset import SourceFile

_PACKED = ".xyz"


class MissingSourceError(UserError):
    """A source that is not on disk and is not to be fetched, unlike one that is there and wrong."""


def fetch(
    source: SourceFile,
    cache: Path,
    *,
    raw: Path | None = None,
    offline: bool = False,
    progress: ProgressCallback | None = None,
) -> dict[str, Path]:
    """Find a source on disk, or download it; check it, and extract what is wanted from it.

    Below ``raw`` these are accepted, in this order: the declared file; the wanted members of an archive,
    extracted already; all pieces of a copy that is cut up; a file under one of the declared aliases. An alias
    of an archive that is no archive stands for the first member, and one that is a folder for an archive of
    the xyz files in it.

    Args:
        source: The declaration.
        cache: Folder for downloads and extracted files.
        raw: Folder with files that the user has already, or the file itself; it is only read.
        offline: Whether to refuse every download.
        progress: Told how far a download is.

    Returns:
        File name to path: the file itself, or the members wanted from it in the order of the declaration.

    Raises:
        MissingSourceError: If the file can neither be found nor fetched.
        UserError: If it is not the one that was declared, or the download fails.
    """
    if raw is not None and (local := _on_disk(source, raw, cache)):
        return local
    path = cache / source.filename
    problem = problem_with(path, source) if path.is_file() else "it is not there"
    if problem:
        if offline or not source.urls:
            raise MissingSourceError(_advice(source, path, problem, raw, offline))
        download(source, path, progress)
    return _contents(source, path, cache)


def _on_disk(source: SourceFile, raw: Path, cache: Path) -> dict[str, Path] | None:
    """What the user's folder has of a source, or the one file that the user names."""
    if raw.is_file():
        return None if _another(raw, source) else _contents(source, raw, cache)
    if path := find_named(raw, [source.filename]):
        if path.is_file() and (problem := problem_with(path, source)):
            raise UserError(f"{path}: not the file that is declared: {problem}")
        return _contents(source, path, cache)
    if members := _loose_members(source.members, raw):
        return members
    pieces = {name: path for name in source.pieces if (path := find_named(raw, [name]))}
    if pieces and len(pieces) == len(source.pieces):
        return pieces
    if path := find_named(raw, source.aliases):
        if not source.members and path.is_file() and (problem := problem_with(path, source)):
            raise UserError(f"{path}: not the file that is declared: {problem}")
        return _contents(source, path, cache)
    return None


def _another(path: Path, source: SourceFile) -> str | None:
    """Why a file is not a source, whatever its name; where no checksum is declared its kind must agree."""
    checked = source.size or source.md5 or source.sha256
    if not checked and path.suffixes != Path(source.filename).suffixes:
        return f"its name does not end in {''.join(Path(source.filename).suffixes)}"
    return problem_with(path, source)


def _loose_members(members: Sequence[str], raw: Path) -> dict[str, Path] | None:
    """Extracted members, those that are there, provided that the first is.

    The more of a member's path is found, the better: ``train/data.mdb`` is not ``test/data.mdb``.
    """
    local: dict[str, Path] = {}
    for member in members:
        parts = PurePosixPath(member).parts
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        local |= next((hit for tail in tails if (hit := find_all(raw, tail))), {})
        if not local:
            return None
    return local or None


def _contents(source: SourceFile, path: Path, cache: Path) -> dict[str, Path]:
    """The file, or the wanted members of the archive it is."""
    if path.is_dir():
        return {f"{path.name}.tar": pack_files(path, _PACKED, cache / f"{path.name}.tar")}
    if not source.members or not is_archive(path.name):
        return {path.name: path}
    key = sha256("\n".join([digest(path, "sha256"), *source.members]).encode()).hexdigest()[:16]
    target = cache / "extracted" / f"{path.name}.{key}"
    if not (target.is_dir() and _complete(target, source.members)):
        extract(path, source.members, target)
    return listing(target, source.members)


def _complete(folder: Path, members: Sequence[str]) -> bool:
    names = [path.name for path in folder.iterdir()]
    return all(any(fnmatchcase(name, PurePosixPath(member).name) for name in names) for member in members)


def _advice(source: SourceFile, path: Path, problem: str, raw: Path | None, offline: bool) -> str:
    looked = f"{raw} has no {source.filename}" if raw else f"{path}: {problem}"
    if raw is not None and raw.is_file():
        looked = f"{raw} is not the declared {source.filename}: {_another(raw, source)}"
    also = f" (also accepted: {', '.join(source.aliases)})" if source.aliases else ""
    why = "downloads are off" if offline else "it has to be fetched by hand"
    where = f" from {source.urls[0]}" if source.urls else ""
    notice = f"\n{source.notice}" if source.notice else ""
    return f"{looked}{also}; {why}. Fetch it{where} and name its folder with --raw.{notice}"
