"""Finding files on disk before asking the network for them."""

import hashlib
import socket
import zipfile
from pathlib import Path

import pytest

from molbench.data.build.sources import fetch
from molbench.errors import UserError
from molbench.spec.dataset import SourceFile

ARCHIVE = {"gdb9.sdf": b"structures", "gdb9.sdf.csv": b"labels"}
ZIPPED = SourceFile(filename="qm9.zip", members=["gdb9.sdf", "gdb9.sdf.csv"], aliases=["gdb9.zip"])


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


def zipped(path: Path, files: dict[str, bytes] = ARCHIVE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(got: dict[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in got.items()}


def test_offline_never_opens_a_socket_and_says_what_to_do(tmp_path, no_network) -> None:
    source = SourceFile(
        filename="a.npz", urls=["https://example.org/a.npz"], aliases=["old.npz"], notice="Mind the terms."
    )
    with pytest.raises(UserError) as caught:
        fetch(source, tmp_path / "cache", raw=tmp_path, offline=True)
    for part in (
        "no a.npz",
        "old.npz",
        "downloads are off",
        "https://example.org/a.npz",
        "--raw",
        "Mind the terms.",
    ):
        assert part in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_source_without_address_has_to_be_fetched_by_hand(tmp_path, no_network) -> None:
    with pytest.raises(UserError, match="fetched by hand"):
        fetch(SourceFile(filename="a.npz"), tmp_path)


@pytest.mark.parametrize("place", ["qm9.zip", "one/qm9.zip", "one/two/qm9.zip", "gdb9.zip", "x/gdb9.zip"])
def test_an_archive_is_found_under_its_names_and_some_levels_down(tmp_path, no_network, place: str) -> None:
    zipped(tmp_path / "raw" / place)
    got = fetch(ZIPPED, tmp_path / "cache", raw=tmp_path / "raw", offline=True)
    assert contents(got) == ARCHIVE


def test_extracted_members_are_as_good_as_the_archive(tmp_path, no_network) -> None:
    for name, content in ARCHIVE.items():
        (tmp_path / "raw" / "qm9").mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / "qm9" / name).write_bytes(content)
    got = fetch(ZIPPED, tmp_path / "cache", raw=tmp_path / "raw", offline=True)
    assert contents(got) == ARCHIVE and not (tmp_path / "cache").exists()


def test_a_file_that_stands_for_the_first_member(tmp_path, no_network) -> None:
    source = SourceFile(filename="all.tar.bz2", members=["d/a.npz", "d/index_*.csv"], aliases=["a_train.npz"])
    (tmp_path / "a_train.npz").write_bytes(b"frames")
    assert contents(fetch(source, tmp_path / "cache", raw=tmp_path, offline=True)) == {
        "a_train.npz": b"frames"
    }


def test_members_by_pattern_are_found_loose(tmp_path, no_network) -> None:
    source = SourceFile(filename="all.tar.bz2", members=["d/npz/a.npz", "d/splits/index_*.csv"])
    for name in ("npz/a.npz", "splits/index_2.csv", "splits/index_1.csv", "splits/other.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    got = fetch(source, tmp_path / "cache", raw=tmp_path, offline=True)
    assert list(got) == ["a.npz", "index_1.csv", "index_2.csv"]


def test_a_folder_of_loose_files_becomes_an_archive(tmp_path, no_network) -> None:
    (tmp_path / "raw" / "dsgdb9nsd").mkdir(parents=True)
    (tmp_path / "raw" / "dsgdb9nsd" / "dsgdb9nsd_000001.xyz").write_text("5\n")
    source = SourceFile(filename="dsgdb9nsd.xyz.tar.bz2", aliases=["dsgdb9nsd"])
    (path,) = fetch(source, tmp_path / "cache", raw=tmp_path / "raw", offline=True).values()
    assert path.name == "dsgdb9nsd.tar" and path.stat().st_size > 0


def test_copies_are_fine_and_differing_files_of_one_name_are_not(tmp_path, no_network) -> None:
    source = SourceFile(filename="u.txt")
    for folder, text in {"a": "same", "b": "same"}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "u.txt").write_text(text)
    assert contents(fetch(source, tmp_path / "cache", raw=tmp_path)) == {"u.txt": b"same"}
    (tmp_path / "b" / "u.txt").write_text("else")
    with pytest.raises(UserError, match="differ: name a narrower folder"):
        fetch(source, tmp_path / "cache", raw=tmp_path)


def test_a_file_on_disk_is_held_against_its_declaration(tmp_path, no_network) -> None:
    source = SourceFile(filename="u.txt", md5=hashlib.md5(b"right").hexdigest(), size=5)
    (tmp_path / "u.txt").write_bytes(b"wrong")
    with pytest.raises(UserError, match="not the file that is declared: its md5 is"):
        fetch(source, tmp_path / "cache", raw=tmp_path)
    (tmp_path / "u.txt").write_bytes(b"wrong size")
    with pytest.raises(UserError, match="it has 10 bytes, declared are 5"):
        fetch(source, tmp_path / "cache", raw=tmp_path)


def test_another_archive_of_the_same_name_is_not_taken_for_the_first(tmp_path, no_network) -> None:
    first = zipped(tmp_path / "1" / "qm9.zip").parent
    second = zipped(tmp_path / "2" / "qm9.zip", {"gdb9.sdf": b"other", "gdb9.sdf.csv": b"other"}).parent
    assert contents(fetch(ZIPPED, tmp_path / "cache", raw=first)) == ARCHIVE
    assert contents(fetch(ZIPPED, tmp_path / "cache", raw=second))["gdb9.sdf"] == b"other"
    assert contents(fetch(ZIPPED, tmp_path / "cache", raw=first)) == ARCHIVE


def test_a_download_is_kept_checked_and_fetched_once(site, tmp_path) -> None:
    content = zipped(tmp_path / "qm9.zip").read_bytes()
    source = ZIPPED.model_copy(
        update={"urls": [site.serve("qm9.zip", content)], "md5": hashlib.md5(content).hexdigest()}
    )
    for _ in range(2):
        assert contents(fetch(source, tmp_path / "cache")) == ARCHIVE
    assert len(site.asked) == 1
    (tmp_path / "cache" / "qm9.zip").write_bytes(b"damaged")
    with pytest.raises(UserError, match="its md5 is"):
        fetch(source, tmp_path / "cache", offline=True)
    assert contents(fetch(source, tmp_path / "cache")) == ARCHIVE
    assert len(site.asked) == 2
