"""The ``rdkit_folder`` of GEOM, as the published archive or extracted: its summary and its pickles."""

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from molbench.data.build.parsers.base import only_file
from molbench.data.build.parsers.json_stream import json_members
from molbench.data.build.sources.streams import open_stream, open_tar
from molbench.errors import UserError, error_line

MAX_PICKLE = 256 << 20

Found = tuple[str, str, bytes | str]


class ArchiveEntry(NamedTuple):
    """One molecule of the summary.

    Attributes:
        smiles: GEOM's own string, the identity of the molecule.
        pickle: Path of its pickle below ``rdkit_folder``; None where no conformers were computed.
        unique: Number of conformers that the summary gives; None where it gives none.
    """

    smiles: str
    pickle: str | None
    unique: int | None


def geom_folder(files: Mapping[str, Path], molecules: str) -> Path:
    """The archive, or the summary inside the extracted folder, whichever is there.

    Args:
        files: Raw files; others than these two are ignored.
        molecules: ``qm9`` or ``drugs``.

    Raises:
        UserError: If there is neither, or more than one.
    """
    suffixes = (".tar.gz", ".tgz", ".tar", f"summary_{molecules}.json")
    what = f"GEOM's rdkit_folder.tar.gz, or summary_{molecules}.json inside the folder"
    return only_file(files, suffixes=suffixes, what=what)


def is_compressed(path: Path) -> bool:
    """Whether what ``geom_folder`` found can only be read from its beginning."""
    return path.suffix not in {".json", ".tar"}


def summary(path: Path, molecules: str) -> Iterator[ArchiveEntry]:
    """Molecules in the order of the summary.

    Args:
        path: What ``geom_folder`` found. An archive is read up to where the summary stands in it.
        molecules: ``qm9`` or ``drugs``.

    Raises:
        UserError: If the summary is missing or malformed, or names a pickle outside of the folder.
    """
    with _open_summary(path, f"summary_{molecules}.json") as file:
        for smiles, fields in json_members(file, path):
            if not isinstance(fields, dict):
                raise UserError(f"{path}: the summary has no mapping for {smiles[:80]!r}")
            pickle, unique = fields.get("pickle_path"), fields.get("uniqueconfs")
            if pickle is not None and not _inside(pickle):
                raise UserError(f"{path}: pickle_path {str(pickle)[:80]!r} leads out of the folder: refused")
            yield ArchiveEntry(smiles, pickle, unique if isinstance(unique, int) else None)


def pickles(path: Path, molecules: str, start: int, stop: int | None) -> Iterator[Found]:
    """The pickles that the summary names.

    Args:
        path: What ``geom_folder`` found.
        molecules: ``qm9`` or ``drugs``.
        start: First of the molecules in question, counted in the order in which they come.
        stop: The one after the last; None for all that follow. A compressed archive is read as a whole.

    Returns:
        Molecule, place, and content of the pickle or what is wrong about it. They come in the order of the
        archive, or of the summary where there is only the folder; those that are not there come last.

    Raises:
        UserError: If the archive is damaged, or a wanted member is longer than 256 MiB.
    """
    entries = summary(path, molecules)
    if is_compressed(path):
        yield from _streamed(path, entries)
    elif path.suffix == ".tar":
        yield from _indexed(path, entries, start, stop)
    else:
        yield from _extracted(path, entries, start, stop)


def _extracted(path: Path, entries: Iterable[ArchiveEntry], start: int, stop: int | None) -> Iterator[Found]:
    for entry in islice(entries, start, stop):
        file = path.parent / (entry.pickle or "")
        if entry.pickle is None or not file.is_file():
            yield _absent(entry, path)
        elif (size := file.stat().st_size) > MAX_PICKLE:
            raise UserError(_too_long(file, size))
        else:
            yield entry.smiles, entry.pickle, file.read_bytes()


def _indexed(path: Path, entries: Iterable[ArchiveEntry], start: int, stop: int | None) -> Iterator[Found]:
    by_pickle, rest = _by_pickle(entries)
    places = []
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isfile() and (entry := by_pickle.pop(_below(member.name), None)):
                    places.append((entry, member.offset_data, member.size))
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep the headers of all
        with path.open("rb") as file:
            for entry, offset, size in places[start:stop]:
                if size > MAX_PICKLE:
                    raise UserError(_too_long(path, size))
                file.seek(offset)
                yield entry.smiles, str(entry.pickle), file.read(size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UserError(
            f"{path}: not an undamaged tar archive, it may be cut short: {error_line(error)}"
        ) from error
    missing = slice(max(start - len(places), 0), None if stop is None else max(stop - len(places), 0))
    for entry in [*by_pickle.values(), *rest][missing]:
        yield _absent(entry, path)


def _streamed(path: Path, entries: Iterable[ArchiveEntry]) -> Iterator[Found]:
    by_pickle, rest = _by_pickle(entries)
    with open_tar(path) as archive:
        for member in archive:
            if member.isfile() and (entry := by_pickle.pop(_below(member.name), None)):
                if member.size > MAX_PICKLE:
                    raise UserError(_too_long(path, member.size))
                content = archive.extractfile(member)
                yield entry.smiles, str(entry.pickle), content.read() if content else b""
            archive.members.clear()  # type: ignore[attr-defined]
    for entry in [*by_pickle.values(), *rest]:
        yield _absent(entry, path)


def _by_pickle(entries: Iterable[ArchiveEntry]) -> tuple[dict[str, ArchiveEntry], list[ArchiveEntry]]:
    """Entries by their pickle, and those without one."""
    by_pickle, rest = {}, []
    for entry in entries:
        if entry.pickle is None:
            rest.append(entry)
        else:
            by_pickle[entry.pickle] = entry
    return by_pickle, rest


def _absent(entry: ArchiveEntry, path: Path) -> Found:
    if entry.pickle is None:
        return entry.smiles, path.name, "no pickle_path in the summary: it has no conformers"
    return entry.smiles, entry.pickle, "the pickle that the summary names is not there"


def _below(name: str) -> str:
    """A member's path below ``rdkit_folder``: its last folder and its name."""
    return "/".join(PurePosixPath(name).parts[-2:])


def _inside(pickle: object) -> bool:
    if not isinstance(pickle, str):
        return False
    parts = PurePosixPath(pickle).parts
    return len(parts) == 2 and ".." not in parts and "\0" not in pickle and parts[0] != "/"


def _too_long(path: Path, size: int) -> str:
    return f"{path}: a pickle of {size:,} bytes, which no molecule has: refused"


@contextmanager
def _open_summary(path: Path, name: str) -> Iterator[IO[bytes]]:
    if path.suffix == ".json":
        with open_stream(path) as file:
            yield file
        return
    with open_tar(path) as archive:
        for member in archive:
            if member.isfile() and PurePosixPath(member.name).name == name:
                content = archive.extractfile(member)
                if content is not None:
                    yield content
                    return
            archive.members.clear()  # type: ignore[attr-defined]
        raise UserError(f"{path}: no {name} in the archive")
