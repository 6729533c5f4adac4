"""Archives that are damaged or mean harm."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.sources.archive import extract, pack_files
from molbench.data.build.sources.streams import open_tar
from molbench.errors import UserError

FILES = {"gdb9.sdf": b"structures" * 500, "gdb9.sdf.csv": b"labels", "notes.txt": b"no one asked"}


def make(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:" + path.suffix.removeprefix(".").replace("tar", "")) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(params=["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def name(request) -> str:
    return request.param


def test_wanted_members_come_out_and_no_others(tmp_path, name: str) -> None:
    archive = make(tmp_path / name, {f"deep/er/{k}": v for k, v in FILES.items()})
    got = extract(archive, ["deep/er/gdb9.sdf.csv", "deep/er/*.sdf"], tmp_path / "out")
    assert list(got) == ["gdb9.sdf.csv", "gdb9.sdf"]
    assert {k: path.read_bytes() for k, path in got.items()} == {k: FILES[k] for k in got}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(got)


def test_a_missing_member_is_named_with_those_there_are(tmp_path, name: str) -> None:
    archive = make(tmp_path / name, FILES)
    with pytest.raises(
        UserError, match=r"no member 'gdb10.sdf'; it has: 'gdb9.sdf', 'gdb9.sdf.csv', 'notes.txt'"
    ):
        extract(archive, ["gdb9.sdf", "gdb10.sdf"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", ["../gdb9.sdf", "/gdb9.sdf", "a/../../gdb9.sdf", "C:gdb9.sdf", "a\\gdb9.sdf"])
def test_paths_that_lead_out_are_refused(tmp_path, name: str, bad: str) -> None:
    archive = make(tmp_path / name, {bad: b"x"})
    with pytest.raises(UserError, match=r"leads out of the folder|no member"):
        extract(archive, ["*gdb9.sdf"], tmp_path / "deep" / "out")
    assert [path.name for path in tmp_path.rglob("*.sdf")] == []


def test_two_members_of_one_name_are_refused(tmp_path, name: str) -> None:
    archive = make(tmp_path / name, {"a/x.npz": b"1", "b/x.npz": b"2"})
    with pytest.raises(UserError, match=r"two members are called 'x\.npz'"):
        extract(archive, ["*.npz"], tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("gdb9.sdf")
        member.type, member.linkname = kind, "/etc/hostname"
        archive.addfile(member)
    with pytest.raises(UserError, match="link or a device"):
        extract(tmp_path / "a.tar", ["gdb9.sdf"], tmp_path / "out")


def test_links_in_a_zip_are_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("gdb9.sdf")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/hostname")
    with pytest.raises(UserError, match="link or a device"):
        extract(tmp_path / "a.zip", ["gdb9.sdf"], tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["big", "small"])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.bz2"])
def test_what_expands_without_measure_is_refused(tmp_path, name: str, wanted: str) -> None:
    archive = make(tmp_path / name, {"big": bytes(80 << 20), "small": b"x"})
    if (name, wanted) == ("a.zip", "small"):  # a zip need not be unpacked to reach one member
        assert extract(archive, [wanted], tmp_path / "out")["small"].read_bytes() == b"x"
        return
    with pytest.raises(UserError, match="100 times its own size: refused"):
        extract(archive, [wanted], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flip", range(-8, 0))
def test_the_checksum_behind_the_end_mark_is_read(tmp_path, flip: int) -> None:
    archive = make(tmp_path / "a.tar.gz", FILES)
    raw = bytearray(archive.read_bytes())
    raw[flip] ^= 4
    archive.write_bytes(raw)
    with pytest.raises(UserError, match="cut short or damaged"):
        extract(archive, ["gdb9.sdf"], tmp_path / "out")


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_damaged_archive_is_an_error_or_gives_what_was_in_it(tmp_path_factory, name: str, data) -> None:
    tmp_path = tmp_path_factory.mktemp("damaged")
    archive = make(tmp_path / name, FILES)
    raw = bytearray(archive.read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    archive.write_bytes(raw)
    try:
        got = extract(archive, ["gdb9.sdf", "gdb9.sdf.csv"], tmp_path / "out")
    except UserError:
        assert not (tmp_path / "out").exists()
    else:  # a plain tar has no checksum over its contents
        assert name == "a.tar" or all(path.read_bytes() == FILES[k] for k, path in got.items())


@pytest.mark.parametrize("name", ["a.tar", "a.tar.bz2"])
def test_a_tar_that_stops_between_members_is_cut_short(tmp_path, name: str) -> None:
    archive = make(tmp_path / "whole.tar", FILES)
    content = archive.read_bytes()[: 512 + 512 * 10]
    import bz2

    (tmp_path / name).write_bytes(bz2.compress(content) if name.endswith("bz2") else content)
    with pytest.raises(UserError, match="cut short"), open_tar(tmp_path / name) as members:
        assert len(list(members)) < len(FILES)


def test_a_folder_is_packed_the_same_way_each_time(tmp_path) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    for i in (3, 1, 2):
        (folder / f"{i}.xyz").write_text(f"molecule {i}")
    (folder / "readme").write_text("not wanted")
    first = pack_files(folder, ".xyz", tmp_path / "1.tar").read_bytes()
    (folder / "2.xyz").touch()
    assert pack_files(folder, ".xyz", tmp_path / "2.tar").read_bytes() == first
    with open_tar(tmp_path / "1.tar") as members:
        assert [member.name for member in members] == ["1.xyz", "2.xyz", "3.xyz"]
